// Writes generated.ts: the types of ask.graphql, from schema.graphql.
import { readFileSync, writeFileSync } from 'node:fs'
import { codegen } from '@graphql-codegen/core'
import * as documentNode from '@graphql-codegen/typed-document-node'
import * as operations from '@graphql-codegen/typescript-operations'
import { parse } from 'graphql'

const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8')
const schema = process.argv[2] ?? new URL('../../../../schema.graphql', import.meta.url)

const text = await codegen({
  filename: 'generated.ts',
  schema: parse(readFileSync(schema, 'utf8')),
  documents: [{ location: 'ask.graphql', document: parse(read('../ask.graphql')) }],
  plugins: [{ operations: {} }, { documentNode: {} }],
  pluginMap: { operations, documentNode },
  config: {
    documentMode: 'string',
    enumsAsTypes: true,
    useTypeImports: true,
    defaultScalarType: 'unknown',
    skipTypename: true,
    scalars: {
      ID: 'string',
      MetricValue: 'number | string',
      TextColumn: 'readonly (string | null)[]',
    },
  },
})
writeFileSync(new URL('generated.ts', import.meta.url), `// Written by npm run codegen.\n${text}`)
