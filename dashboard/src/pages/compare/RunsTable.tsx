// The compared runs as rows, with the params that tell them apart: the legend of their charts.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import { documentText } from '#api/client.ts'
import { ComparedRunsDocument } from '#api/generated.ts'
import type { Pointer } from '#charts/pointer.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { twins } from '#lib/palette.ts'
import { runsPython } from '#lib/python.ts'
import { CopyAs } from '#ui/CopyAs.tsx'
import { Icon } from '#ui/icons.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { toParamRows } from './differences.ts'
import type { Run } from './load.ts'

interface RunsTableProps {
  runs: readonly Run[]
  heard: number
  pointer: Pointer | null
  isAll: boolean
  onAll(isAll: boolean): void
  onRemove(id: string): void
}

export function RunsTable(props: RunsTableProps): ReactElement {
  const { runs, heard, pointer, isAll, onAll, onRemove } = props
  const rows = useMemo(() => toParamRows(runs), [runs])
  const shown = isAll ? rows : rows.filter((row) => row.differs)
  const marks = twins(runs.map((run) => run.id))
  const same = rows.length - rows.filter((row) => row.differs).length
  return (
    <section className="differences" aria-label="Runs">
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Status</th>
              <th scope="col" className="right">
                Duration
              </th>
              {shown.map((row) => (
                <th key={row.key} scope="col" className="right" title={row.key}>
                  {row.key}
                </th>
              ))}
              <td>
                <CopyAs
                  what="the runs"
                  python={() => runsPython(location.origin, runs)}
                  graphql={() =>
                    documentText(ComparedRunsDocument, { ids: runs.map((run) => run.id) })
                  }
                />
              </td>
            </tr>
          </thead>
          <tbody>
            {runs.map((run, index) => (
              <tr
                key={run.id}
                onPointerEnter={() => pointer?.move({ runId: run.id })}
                onPointerLeave={() => pointer?.leave()}
              >
                <th scope="row">
                  <span className="run-name">
                    <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
                    <Link to="/runs/$runId" params={{ runId: run.id }} className="clip">
                      {run.name}
                    </Link>
                  </span>
                </th>
                <td>
                  <Status status={run.status} />
                </td>
                <td className="right tabular">
                  <Duration
                    ms={Number(run.durationMs)}
                    at={heard}
                    ticking={run.status === 'RUNNING'}
                  />
                </td>
                {shown.map((row) => (
                  <td key={row.key} className="right tabular clip" title={row.values[index]}>
                    {row.values[index] ?? <span className="muted">–</span>}
                  </td>
                ))}
                <td>
                  <button
                    type="button"
                    className="quiet bare"
                    aria-label={`Take ${run.name} out`}
                    title="Take out"
                    onClick={() => onRemove(run.id)}
                  >
                    <Icon name="close" />
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {same > 0 && (
        <button type="button" className="quiet" aria-pressed={isAll} onClick={() => onAll(!isAll)}>
          {isAll ? 'Only params that differ' : `Also the ${same} params that are the same`}
        </button>
      )}
    </section>
  )
}
