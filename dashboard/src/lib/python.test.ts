import { expect, test } from 'vitest'
import { curvesPython, runPython, runsPython, searchPython } from './python.ts'

const runs = [{ id: 'ab12', name: 'the "quick" one\n' }]

test('curves are read through the SDK', () => {
  expect(curvesPython('http://h:4000', runs, 'val/loss')).toBe(`import trackql

client = trackql.Client("http://h:4000")
runs = {
    "ab12": "the \\"quick\\" one\\n",
}
histories = {run_id: client.history(run_id, "val/loss") for run_id in runs}
for run_id, history in histories.items():
    print(runs[run_id], len(history), "points, last", history.values[-1])
`)
})

test('runs are named by their ids', () => {
  expect(runPython('http://h', 'ab12')).toContain('run = client.run("ab12")\n')
  expect(runsPython('http://h', runs)).toContain('    run = client.run(run_id)\n')
})

test('a search is written as it is asked', () => {
  const asked = {
    experimentId: '0',
    filter: "params.optimizer = 'adam'",
    sorts: ['metrics.loss.min'],
    isTrash: false,
    columns: ['name', 'params.lr'],
    by: [],
    measures: ['metrics.loss'],
  }
  expect(searchPython('http://h', asked)).toBe(`import trackql

client = trackql.Client("http://h")
frame = client.runs_table(
    experiment_ids=["0"],
    filter="params.optimizer = 'adam'",
    columns=["name", "params.lr"],
    order_by=["metrics.loss.min"],
)
print(frame)
`)
  expect(searchPython('http://h', { ...asked, filter: '', by: ['params.lr'] })).toBe(`import trackql

client = trackql.Client("http://h")
for group in client.run_groups(
    experiment_ids=["0"],
    by=["params.lr"],
    measures=["metrics.loss"],
):
    print(group)
`)
})
