// Asks with types: npm install && npm start [folder of experiments]
import { AskDocument, type TypedDocumentString } from './generated.ts'

const url = process.env.TRACKQL_URL ?? 'http://127.0.0.1:4000'

async function ask<Answer, Variables>(
  document: TypedDocumentString<Answer, Variables>,
  variables: Variables,
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: document.toString(), variables }),
  })
  const answer = (await response.json()) as { data: Answer; errors?: { message: string }[] }
  if (answer.errors?.[0]) throw new Error(answer.errors[0].message)
  return answer.data
}

const { best, optimizers } = await ask(AskDocument, { folder: process.argv[2] ?? null })
for (const run of best.nodes) {
  console.log([run.metrics.nodes[0]?.last?.value, run.name, run.id].join('\t'))
}
console.log()
for (const group of optimizers.groups) {
  console.log([group.values[0] ?? 'none', group.runs, group.measures[0]?.mean].join('\t'))
}
