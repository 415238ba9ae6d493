// What a page shows, as Python to paste: the same data through the SDK.

export interface NamedRun {
  id: string
  name: string
}

export function curvesPython(address: string, runs: readonly NamedRun[], key: string): string {
  return `${opening(address)}${listOf(runs)}histories = {run_id: client.history(run_id, ${quote(key)}) for run_id in runs}
for run_id, history in histories.items():
    print(runs[run_id], len(history), "points, last", history.values[-1])
`
}

export function runsPython(address: string, runs: readonly NamedRun[]): string {
  return `${opening(address)}${listOf(runs)}for run_id in runs:
    run = client.run(run_id)
    print(run.info.run_name, run.info.status, run.data.params, run.data.metrics)
`
}

export function runPython(address: string, id: string): string {
  return `${opening(address)}run = client.run(${quote(id)})
print(run.info.run_name, run.info.status, run.data.params, run.data.tags)
for key in run.data.metrics:
    print(key, client.history(run.info.run_id, key).values)
`
}

export interface RunSearch {
  experimentId: string
  search: string
  statuses: readonly string[]
}

/** The runs that a table lists, newest first. */
export function searchPython(address: string, asked: RunSearch): string {
  const { experimentId, search, statuses } = asked
  const filters = [
    `[${quote(experimentId)}]`,
    search && `search=${quote(search)}`,
    statuses.length && `statuses=[${statuses.map(quote).join(', ')}]`,
  ].filter(Boolean)
  return `${opening(address)}for run in client.runs(${filters.join(', ')}):
    print(run.info.run_name, run.info.status, run.data.params, run.data.metrics)
`
}

function opening(address: string): string {
  return `import trackql\n\nclient = trackql.Client(${quote(address)})\n`
}

function listOf(runs: readonly NamedRun[]): string {
  const lines = runs.map(({ id, name }) => `    ${quote(id)}: ${quote(name)},\n`)
  return `runs = {\n${lines.join('')}}\n`
}

/** JSON's strings are Python's, escapes included. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\x7f')
}
