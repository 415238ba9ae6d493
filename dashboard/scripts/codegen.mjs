// Writes src/api/generated.ts: the types of schema.graphql and of every .graphql document in src.
// With --check it writes nothing and fails when the file is not what it would write.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { codegen } from '@graphql-codegen/core'
import * as documentNode from '@graphql-codegen/typed-document-node'
import * as operations from '@graphql-codegen/typescript-operations'
import { parse } from 'graphql'

const target = 'src/api/generated.ts'
const documents = readdirSync('src', { recursive: true })
  .filter((file) => file.endsWith('.graphql'))
  .map((file) => `src/${file.replaceAll('\\', '/')}`)
  .sort()
  .map((location) => ({ location, document: parse(readFileSync(location, 'utf8')) }))

const text = await codegen({
  filename: target,
  schema: parse(readFileSync('../schema.graphql', 'utf8')),
  documents,
  plugins: [{ operations: {} }, { documentNode: {} }],
  pluginMap: { operations, documentNode },
  config: {
    enumsAsTypes: true,
    useTypeImports: true,
    strictScalars: true,
    skipTypename: true,
    arrayInputCoercion: false,
    scalars: {
      ID: 'string',
      DateTime: 'string',
      JSON: 'unknown',
      Int64: 'number | string',
      MetricValue: 'number | string',
      Int64Column: 'readonly (number | string)[] | string',
      MetricColumn: 'readonly (number | string)[] | string',
      TextColumn: 'readonly (string | null)[]',
    },
  },
})
const generated = `// Written by npm run codegen; never edited.\n${text}`

if (!process.argv.includes('--check')) {
  writeFileSync(target, generated)
} else if (!existsSync(target) || readFileSync(target, 'utf8') !== generated) {
  console.error(`${target} is stale: run npm run codegen in dashboard/.`)
  process.exit(1)
}
