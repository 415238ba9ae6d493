// What went wrong with a run, over all of its tabs.
import type { ReactElement } from 'react'
import { formatCount, formatInstant } from '#lib/format.ts'
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
