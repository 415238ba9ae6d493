// How the code of two runs differs: their commits, and what neither had committed.
import { type ReactElement, useEffect, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { ComparedSurroundingsDocument, type ComparedSurroundingsQuery } from '#api/generated.ts'
import { fetchText } from '#artifacts/texts.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { DiffView } from '#diff/DiffView.tsx'
import { type FilePatch, parsePatch } from '#diff/patch.ts'
import { comparePatches } from '#diff/patches.ts'
import { twins } from '#lib/palette.ts'
import { Copy } from '#ui/Copy.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import type { Run } from './load.ts'

interface CodeProps {
  runs: readonly Run[]
  /** Two ids with a comma between; the first two where it is empty. */
  pair: string
  onPair(pair: string): void
}

type Source = NonNullable<ComparedSurroundingsQuery['run']>

interface Side {
  run: Source
  patch: string
}

export default function Code({ runs, pair, onPair }: CodeProps): ReactElement {
  const [first = '', second = ''] = pair.split(',')
  const left = runs.find((run) => run.id === first) ?? runs[0]
  const right =
    runs.find((run) => run.id === second && run !== left) ?? runs.find((run) => run !== left)
  if (!left || !right) return <p className="empty muted">Choose two runs to compare their code.</p>
  const marks = twins(runs.map((run) => run.id))
  const choose = (side: 0 | 1, id: string) => {
    const other = side === 0 ? right.id : left.id
    if (id === other) onPair(`${right.id},${left.id}`)
    else onPair(side === 0 ? `${id},${other}` : `${other},${id}`)
  }
  return (
    <section className="columns" aria-label="Code">
      <div className="toolbar">
        {([left, right] as const).map((run, side) => (
          <label key={side === 0 ? 'left' : 'right'} className="run-choice">
            <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
            <select
              aria-label={side === 0 ? 'Before' : 'After'}
              value={run.id}
              onChange={(event) => choose(side === 0 ? 0 : 1, event.target.value)}
            >
              {runs.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.name}
                </option>
              ))}
            </select>
            {side === 0 && <span className="muted">→</span>}
          </label>
        ))}
      </div>
      <Difference key={`${left.id} ${right.id}`} left={left.id} right={right.id} />
    </section>
  )
}

function Difference({ left, right }: { left: string; right: string }): ReactElement {
  const [sides, setSides] = useState<readonly [Side, Side] | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    const request = new AbortController()
    Promise.all([fetchSide(left, request.signal), fetchSide(right, request.signal)])
      .then(setSides)
      .catch((cause) => request.signal.aborted || setError(toApiError(cause)))
    return () => request.abort()
  }, [left, right])
  if (error) return <Notice title="The code could not be compared" trouble={error} />
  if (!sides) return <Skeleton rows={10} height={14} />
  const [before, after] = sides
  const commits = sides.map(({ run }) => run.source?.commit ?? run.gitCommit ?? '')
  const files: FilePatch[] = comparePatches(parsePatch(before.patch), parsePatch(after.patch))
  const isKnown = commits.some(Boolean) || files.length > 0
  if (!isKnown) {
    return <p className="empty muted">Where their code came from was captured of neither run.</p>
  }
  const isSameCommit = commits[0] === commits[1]
  const log = `git diff ${commits[0]} ${commits[1]}`
  return (
    <>
      <div className="commits">
        {isSameCommit ? (
          <p>
            Both ran commit <code>{commits[0]?.slice(0, 12)}</code>.
          </p>
        ) : (
          <>
            <p>
              From commit <code>{commits[0]?.slice(0, 12) || 'unknown'}</code> to{' '}
              <code>{commits[1]?.slice(0, 12) || 'unknown'}</code>.
            </p>
            {commits.every(Boolean) && (
              <p>
                <code>{log}</code> <Copy text={log} label="Copy the command" bare />
              </p>
            )}
          </>
        )}
        <p className="muted">
          {files.length > 0
            ? 'What they had not committed differs:'
            : before.patch || after.patch
              ? 'What they had not committed is the same.'
              : 'Neither had changes that were not committed.'}
        </p>
      </div>
      {files.length > 0 && <DiffView files={files} label="Differences of the code" />}
    </>
  )
}

async function fetchSide(id: string, signal: AbortSignal): Promise<Side> {
  const { run } = await ask(ComparedSurroundingsDocument, { id }, signal)
  if (!run) throw new Error(`There is no run ${id}.`)
  const path = run.source?.diffPath
  return { run, patch: path ? (await fetchText(id, path, signal)).text : '' }
}
