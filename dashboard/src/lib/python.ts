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
  filter: string
  sorts: readonly string[]
  isTrash: boolean
  /** Fields that are shown of each run. */
  columns: readonly string[]
  /** Fields that runs are grouped by, and what of each group is measured. */
  by: readonly string[]
  measures: readonly string[]
}

/** What a table shows, as a data frame. */
export function searchPython(address: string, asked: RunSearch): string {
  const { experimentId, filter, sorts, isTrash, columns, by, measures } = asked
  const scope = [
    `    experiment_ids=[${quote(experimentId)}],`,
    filter && `    filter=${quote(filter)},`,
    isTrash && '    lifecycle="DELETED",',
  ]
  const rest = by.length
    ? [`    by=${list(by)},`, `    measures=${list(measures)},`]
    : [`    columns=${list(columns)},`, sorts.length && `    order_by=${list(sorts)},`]
  const lines = [...scope, ...rest].filter(Boolean).join('\n')
  if (by.length) {
    return `${opening(address)}for group in client.run_groups(\n${lines}\n):\n    print(group)\n`
  }
  return `${opening(address)}frame = client.runs_table(\n${lines}\n)\nprint(frame)\n`
}

function list(names: readonly string[]): string {
  return `[${names.map(quote).join(', ')}]`
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

export function artifactPython(address: string, runId: string, path: string): string {
  return `import trackql

trackql.set_tracking_uri(${quote(address)})
path = trackql.artifacts.download_artifacts(
    run_id=${quote(runId)},
    artifact_path=${quote(path)},
)
print(path)
`
}
