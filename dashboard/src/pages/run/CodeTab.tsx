// The code that a run ran: where it is, how to have it again, and what was not committed.
import { Link } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useEffect, useMemo, useState } from 'react'
import { type ApiError, toApiError } from '#api/errors.ts'
import { bytesUrl, pagePath } from '#artifacts/kinds.ts'
import { type Found, fetchText } from '#artifacts/texts.ts'
import { parsePatch } from '#diff/patch.ts'
import { checkoutCommands } from '#lib/shell.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Copy } from '#ui/Copy.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import '#artifacts/artifacts.css'
import { commandOf } from './command.ts'
import { Pairs } from './Details.tsx'
import type { FullRun } from './load.ts'

const ZipView = lazy(() => import('#artifacts/ZipView.tsx'))
const DiffView = lazy(async () => ({ default: (await import('#diff/DiffView.tsx')).DiffView }))

export default function CodeTab({ run }: { run: FullRun }): ReactElement {
  const { source } = run
  if (!source) {
    return (
      <Beginning
        title="Where this run's code came from was not captured. It is, unless switched off, for scripts and notebooks; best inside a git repository."
        code={PYTHON}
      />
    )
  }
  const facts = [
    ['Command', commandOf(run)],
    ['Commit', source.commit],
    ['Branch', source.branch],
    ['Remote', source.remote],
    ['Folder', source.workingFolder],
    ['Notebook', source.notebook],
    ['State', source.dirty === true ? 'with changes' : source.dirty === false ? 'clean' : null],
  ].flatMap(([key, value]) => (key && value ? [{ key, value }] : []))
  const url = (path: string | null | undefined) =>
    path ? new URL(bytesUrl(run.id, path), location.origin).href : null
  const commands = checkoutCommands(
    {
      remote: source.remote ?? null,
      commit: source.commit ?? null,
      diffUrl: url(source.diffPath),
      untrackedUrl: url(source.untrackedPath),
      snapshotUrl: url(source.snapshotPath),
    },
    run.name || run.id,
  )
  const files = [
    ['Changes', source.diffPath],
    ['Untracked files', source.untrackedPath],
    ['Snapshot of the source', source.snapshotPath],
  ].flatMap(([title, path]) => (title && path ? [{ title, path }] : []))
  return (
    <div className="part code-part">
      <div className="part-columns">
        <section>
          <h2>Source</h2>
          <Pairs pairs={facts} />
          {source.notes.map((note) => (
            <p key={note} className="muted">
              {note}
            </p>
          ))}
        </section>
        <section>
          {commands && (
            <>
              <h2>Have it again</h2>
              <div className="code">
                <pre>{commands}</pre>
                <Copy text={commands} label="Copy the commands" bare />
              </div>
            </>
          )}
          {files.length > 0 && (
            <p className="part-links">
              {files.map(({ title, path }) => (
                <Link key={path} to={pagePath(run.id, path)}>
                  {title}
                </Link>
              ))}
            </p>
          )}
        </section>
      </div>
      {[
        { title: 'Untracked files', path: source.untrackedPath },
        { title: 'Snapshot of the source', path: source.snapshotPath },
      ].map(
        ({ title, path }) =>
          path && (
            <details key={path} className="listing" open={!source.diffPath}>
              <summary>{title}</summary>
              <Suspense fallback={<Skeleton rows={4} />}>
                <ZipView runId={run.id} path={path} />
              </Suspense>
            </details>
          ),
      )}
      {source.diffPath ? (
        <Changes runId={run.id} path={source.diffPath} />
      ) : (
        source.dirty === false && (
          <p className="muted part-note">Nothing differed from the commit.</p>
        )
      )}
    </div>
  )
}

function Changes({ runId, path }: { runId: string; path: string }): ReactElement {
  const [found, setFound] = useState<Found | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    const request = new AbortController()
    fetchText(runId, path, request.signal)
      .then(setFound)
      .catch((cause) => request.signal.aborted || setError(toApiError(cause)))
    return () => request.abort()
  }, [runId, path])
  const files = useMemo(() => (found ? parsePatch(found.text) : []), [found])
  if (error) return <Notice title="The changes could not be loaded" trouble={error} />
  if (!found) return <Skeleton rows={8} height={14} />
  return (
    <Suspense fallback={<Skeleton rows={8} height={14} />}>
      <DiffView
        files={files}
        label="Changes that were not committed"
        tools={<Copy text={found.text} label="Copy the patch" />}
      />
    </Suspense>
  )
}

const PYTHON = `import trackql

with trackql.start_run():  # commit, changes and command are captured
    ...`
