// What can be done with the selected runs.
import { type FormEvent, type ReactElement, useState } from 'react'
import { formatCount } from '#lib/format.ts'
import { Dialog } from '#ui/Dialog.tsx'
import { Icon } from '#ui/icons.tsx'
import { deleteRuns, renameRun, restoreRuns, tagRuns, untagRuns } from './bulk.ts'
import type { Selection } from './selection.ts'

interface SelectionBarProps {
  selection: Selection
  isTrash: boolean
  compare(): void
  onTag(ids: readonly string[]): void
}

export function SelectionBar(props: SelectionBarProps): ReactElement | null {
  const { selection, isTrash, compare, onTag } = props
  const { ids } = selection
  if (ids.length === 0) return null
  const away = (act: (ids: readonly string[]) => Promise<void>) => () => {
    selection.set([])
    void act(ids)
  }
  return (
    <div className="toolbar selection">
      <span className="tabular">{formatCount(ids.length)} selected</span>
      <button type="button" className="primary" disabled={ids.length < 2} onClick={compare}>
        Compare
      </button>
      <button type="button" className="quiet" onClick={() => onTag(ids)}>
        <Icon name="tag" /> Tag
      </button>
      {isTrash ? (
        <button type="button" className="quiet" onClick={away(restoreRuns)}>
          <Icon name="undo" /> Restore
        </button>
      ) : (
        <button type="button" className="quiet" onClick={away(deleteRuns)}>
          <Icon name="trash" /> Delete
        </button>
      )}
      <button type="button" className="quiet" onClick={() => selection.set([])}>
        Clear
      </button>
    </div>
  )
}

export type Asked =
  | { kind: 'tag'; ids: readonly string[] }
  | { kind: 'rename'; id: string; name: string }

interface AskDialogProps {
  asked: Asked | null
  onDone(): void
}

/** Asks for a tag or a name. */
export function AskDialog({ asked, onDone }: AskDialogProps): ReactElement {
  const title = asked?.kind === 'tag' ? tagTitle(asked.ids.length) : 'Rename the run'
  return (
    <Dialog title={title} open={asked !== null} onOpenChange={(isOpen) => isOpen || onDone()}>
      {asked?.kind === 'tag' && <TagForm ids={asked.ids} onDone={onDone} />}
      {asked?.kind === 'rename' && <NameForm id={asked.id} name={asked.name} onDone={onDone} />}
    </Dialog>
  )
}

function tagTitle(count: number): string {
  return count === 1 ? 'Tag the run' : `Tag ${formatCount(count)} runs`
}

function TagForm({ ids, onDone }: { ids: readonly string[]; onDone(): void }): ReactElement {
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!key.trim()) return
    onDone()
    void tagRuns(ids, key.trim(), value)
  }
  return (
    <form className="form" onSubmit={submit}>
      <input
        aria-label="Tag"
        placeholder="tag, as in team"
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      <input
        aria-label="Value"
        placeholder="value"
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <div className="form-end">
        <button
          type="button"
          className="quiet"
          disabled={!key.trim()}
          onClick={() => {
            onDone()
            void untagRuns(ids, key.trim())
          }}
        >
          Take the tag off
        </button>
        <button type="submit" className="primary" disabled={!key.trim()}>
          Set the tag
        </button>
      </div>
    </form>
  )
}

interface NameFormProps {
  id: string
  name: string
  onDone(): void
}

function NameForm({ id, name, onDone }: NameFormProps): ReactElement {
  const [text, setText] = useState(name)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!text.trim()) return
    onDone()
    if (text !== name) void renameRun(id, text.trim())
  }
  return (
    <form className="form" onSubmit={submit}>
      <input
        aria-label="Name"
        value={text}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="form-end">
        <button type="submit" className="primary" disabled={!text.trim()}>
          Rename
        </button>
      </div>
    </form>
  )
}
