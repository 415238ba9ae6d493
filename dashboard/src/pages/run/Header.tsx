// What a run is and how it stands, over all of its tabs.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react'
import { change, documentText } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import { RenameRunDocument, RunDocument } from '#api/generated.ts'
import { runColor } from '#charts/colors.ts'
import { formatInstant } from '#lib/format.ts'
import { runPython } from '#lib/python.ts'
import { Copy } from '#ui/Copy.tsx'
import { CopyAs } from '#ui/CopyAs.tsx'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { toast } from '#ui/toasts.tsx'
import { commandOf } from './command.ts'
import type { FullRun } from './load.ts'
import { Stop } from './Stop.tsx'

export function Header({ run, heard }: { run: FullRun; heard: number }): ReactElement {
  const isTicking = run.status === 'RUNNING'
  const start = Date.parse(run.startTime)
  return (
    <header className="run-head">
      <i className="swatch big" style={{ background: runColor(run.id) }} aria-hidden="true" />
      <Name run={run} />
      <Status status={run.status} />
      <span className="tabular" title="Duration">
        <Duration ms={Number(run.durationMs)} at={heard} ticking={isTicking} />
      </span>
      <span className="muted tabular" title="Started">
        {formatInstant(start)}
      </span>
      {run.user && <span className="muted">{run.user}</span>}
      {run.parent && (
        <span className="muted">
          in{' '}
          <Link to="/runs/$runId" params={{ runId: run.parent.id }}>
            {run.parent.name}
          </Link>
        </span>
      )}
      {run.lifecycle === 'DELETED' && <span className="chip">In the trash</span>}
      <span className="spacer" />
      <Stop run={run} />
      <SourceOfRun run={run} />
      <Copy text={run.id} label="Copy run id" />
      <CopyAs
        what="the run"
        python={() => runPython(location.origin, run.id)}
        graphql={() => documentText(RunDocument, { id: run.id })}
      />
    </header>
  )
}

/** The name, and a field in its place while it is edited. */
function Name({ run }: { run: FullRun }): ReactElement {
  const [draft, setDraft] = useState<string | null>(null)
  const [shown, setShown] = useState(run.name)
  useEffect(() => setShown(run.name), [run.name])
  const edit = useCallback(() => setDraft(run.name), [run.name])
  const shortcuts = useMemo<Shortcut[]>(
    () => [{ key: 'e', label: 'Rename the run', run: edit }],
    [edit],
  )
  useShortcuts('Run', shortcuts)
  const save = async () => {
    const name = draft?.trim()
    setDraft(null)
    if (!name || name === run.name) return
    setShown(name)
    try {
      await change(RenameRunDocument, { id: run.id, name })
    } catch (cause) {
      setShown(run.name)
      toast(`Not renamed: ${toApiError(cause).message}`)
    }
  }
  if (draft === null) {
    return (
      <h1>
        <button type="button" className="editable" title="Rename (e)" onClick={edit}>
          {shown}
        </button>
      </h1>
    )
  }
  return (
    <input
      className="name-field"
      aria-label="Name of the run"
      value={draft}
      // biome-ignore lint/a11y/noAutofocus: the field replaces what was just activated
      autoFocus
      onFocus={(event) => event.target.select()}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') setDraft(null)
      }}
    />
  )
}

/** How it was started and from which commit, to copy. */
function SourceOfRun({ run }: { run: FullRun }): ReactElement | null {
  const commit = run.source?.commit ?? run.gitCommit
  const command = commandOf(run)
  if (!commit && !command) return null
  return (
    <Popover label="Command and commit" trigger={<SourceLabel commit={commit} command={command} />}>
      <dl className="source-lines">
        {command && <Fact name="Command" text={command} />}
        {commit && <Fact name="Commit" text={commit} />}
        {run.source?.branch && <Fact name="Branch" text={run.source.branch} />}
        {run.source?.remote && <Fact name="Remote" text={run.source.remote} />}
      </dl>
    </Popover>
  )
}

function SourceLabel(props: { commit: string | null | undefined; command: string }): ReactElement {
  const { commit, command } = props
  return (
    <>
      <Icon name="code" />
      <code className="clip source-label">{commit ? commit.slice(0, 8) : command}</code>
    </>
  )
}

function Fact({ name, text }: { name: string; text: string }): ReactElement {
  return (
    <div>
      <dt className="muted">{name}</dt>
      <dd>
        <code>{text}</code>
        <Copy text={text} label={`Copy the ${name.toLowerCase()}`} bare />
      </dd>
    </div>
  )
}
