// What went wrong with a run, over all of its tabs.
import type { ReactElement } from 'react'
import { toInteger } from '#lib/columns.ts'
import { formatCount, formatInstant } from '#lib/format.ts'
import { Copy } from '#ui/Copy.tsx'
import type { FullRun } from './load.ts'

export function Problems({ run }: { run: FullRun }): ReactElement | null {
  const dropped = Number(run.droppedPoints)
  const { problems } = run
  if (dropped === 0 && problems.length === 0) return null
  return (
    <section className="problems" aria-label="Problems">
      {dropped > 0 && (
        <p>
          <strong className="tabular">{formatCount(dropped)} points dropped</strong>: the machine
          that logged them had no room left to keep them until they could be sent.
        </p>
      )}
      {problems.length > 0 && (
        <details>
          <summary>
            {problems.length === 1 ? '1 problem' : `${problems.length} problems`} with what was
            logged
          </summary>
          <ul>
            {problems.map((problem) => (
              <li key={`${problem.time} ${problem.message}`}>
                <code>{problem.code}</code> {problem.message}{' '}
                <span className="muted tabular">{formatInstant(Date.parse(problem.time))}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}

/** Why a run ended as it did; the traceback is a click away. */
export function Failure({ run }: { run: FullRun }): ReactElement | null {
  const { failure } = run
  if (!failure) return null
  return (
    <section className="failure" aria-label="Failure">
      <details>
        <summary>
          <strong>{failure.kind}</strong> <span className="failure-text">{failure.message}</span>
          <span className="muted tabular">{formatInstant(toInteger(failure.time))}</span>
        </summary>
        {failure.traceback && (
          <div className="code">
            <pre>{failure.traceback}</pre>
            <Copy text={failure.traceback} label="Copy the traceback" bare />
          </div>
        )}
      </details>
    </section>
  )
}
