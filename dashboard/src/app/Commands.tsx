// The command field: experiments and runs by name, and everything the page can do.
import { useNavigate, useParams } from '@tanstack/react-router'
import { type KeyboardEvent, type ReactElement, useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { FindExperimentsDocument, FindRunsDocument } from '#api/generated.ts'
import { toggleTheme } from '#lib/theme.ts'
import { Dialog } from '#ui/Dialog.tsx'
import { useShortcutGroups } from '#ui/shortcuts.ts'

interface CommandsProps {
  open: boolean
  onOpenChange(open: boolean): void
  onKeys(): void
}

interface Command {
  id: string
  kind: string
  label: string
  run(): void
}

export function Commands({ open, onOpenChange, onKeys }: CommandsProps): ReactElement {
  return (
    <Dialog title="Find or do anything" hideTitle open={open} onOpenChange={onOpenChange}>
      <Field onKeys={onKeys} onDone={() => onOpenChange(false)} />
    </Dialog>
  )
}

function Field({ onKeys, onDone }: { onKeys(): void; onDone(): void }): ReactElement {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const found = useFound(text)
  const actions = useActions(onKeys)
  const commands = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    const matching = actions.filter(({ label }) =>
      words.every((word) => label.toLowerCase().includes(word)),
    )
    return [...found, ...matching]
  }, [found, actions, text])
  const chosen = Math.min(at, commands.length - 1)
  const run = (command: Command | undefined) => {
    if (!command) return
    onDone()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by) {
      event.preventDefault()
      setAt(Math.max(0, Math.min(commands.length - 1, chosen + by)))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      run(commands[chosen])
    }
  }
  return (
    <div className="commands">
      <input
        role="combobox"
        aria-label="Find or do anything"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={commands[chosen] ? `command-${chosen}` : undefined}
        placeholder="Experiments, runs, commands…"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <div id="commands" role="listbox" aria-label="Results" className="command-list">
        {commands.map((command, index) => (
          <div
            key={command.id}
            id={`command-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className="command"
            onPointerMove={() => setAt(index)}
            onPointerDown={(event) => {
              event.preventDefault()
              run(command)
            }}
          >
            <span className="clip">{command.label}</span>
            <span className="muted">{command.kind}</span>
          </div>
        ))}
        {commands.length === 0 && <p className="muted hint">Nothing matches.</p>}
      </div>
    </div>
  )
}

function useActions(onKeys: () => void): Command[] {
  const navigate = useNavigate()
  const groups = useShortcutGroups()
  return useMemo(() => {
    const fixed: Command[] = [
      { id: 'home', kind: 'Go', label: 'All experiments', run: () => void navigate({ to: '/' }) },
      { id: 'theme', kind: 'Do', label: 'Dark or light theme', run: toggleTheme },
      { id: 'keys', kind: 'Do', label: 'Show all keys', run: onKeys },
      {
        id: 'graphql',
        kind: 'Go',
        label: 'GraphiQL: ask the server yourself',
        run: () => location.assign('/graphql'),
      },
    ]
    const ofPage = groups
      .filter((group) => group.name !== 'Everywhere')
      .flatMap((group) =>
        group.shortcuts.map((shortcut) => ({
          id: `${group.name} ${shortcut.label}`,
          kind: shortcut.key ?? 'Do',
          label: shortcut.label,
          run: () => shortcut.run(new KeyboardEvent('keydown', { key: shortcut.key ?? '' })),
        })),
      )
    return [...fixed, ...ofPage]
  }, [groups, navigate, onKeys])
}

/** Experiments everywhere, and runs of the experiment that is open. */
function useFound(text: string): Command[] {
  const navigate = useNavigate()
  const { experimentId } = useParams({ strict: false })
  const [found, setFound] = useState<Command[]>([])
  useEffect(() => {
    let isCurrent = true
    const timer = setTimeout(
      async () => {
        const [experiments, runs] = await Promise.all([
          ask(FindExperimentsDocument, { search: text })
            .then((data) => data.experiments.nodes)
            .catch(() => []),
          experimentId && text
            ? ask(FindRunsDocument, { experimentIds: [experimentId], search: text })
                .then((data) => data.runs.nodes)
                .catch(() => [])
            : [],
        ])
        if (!isCurrent) return
        setFound([
          ...experiments.map(({ id, name }) => ({
            id: `experiment ${id}`,
            kind: 'Experiment',
            label: name,
            run: () =>
              void navigate({ to: '/experiments/$experimentId', params: { experimentId: id } }),
          })),
          ...runs.map(({ id, name }) => ({
            id: `run ${id}`,
            kind: 'Run',
            label: name,
            run: () => void navigate({ to: '/runs/$runId', params: { runId: id } }),
          })),
        ])
      },
      text ? 120 : 0,
    )
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [text, experimentId, navigate])
  return found
}
