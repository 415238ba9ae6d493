// The machine and the packages that a run ran on, and how to have them again.

import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { RunEnvironmentDocument, type RunEnvironmentQuery } from '#api/generated.ts'
import { bytesUrl } from '#artifacts/kinds.ts'
import { formatBytes } from '#lib/bytes.ts'
import { toInteger } from '#lib/columns.ts'
import { formatCount } from '#lib/format.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Lines } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { SearchField } from '#ui/SearchField.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { Pairs } from './Details.tsx'
import type { FullRun } from './load.ts'

type Environment = NonNullable<NonNullable<RunEnvironmentQuery['run']>['environment']>

export default function EnvironmentTab({ run }: { run: FullRun }): ReactElement {
  const [found, setFound] = useState<Environment | null | undefined>(undefined)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    let isCurrent = true
    ask(RunEnvironmentDocument, { id: run.id })
      .then((answer) => isCurrent && setFound(answer.run?.environment ?? null))
      .catch((cause) => isCurrent && setError(toApiError(cause)))
    return () => {
      isCurrent = false
    }
  }, [run.id])
  if (error) return <Notice title="The environment could not be loaded" trouble={error} />
  if (found === undefined) return <Skeleton rows={10} />
  if (found === null) {
    return (
      <Beginning
        title="What this run ran on was not captured. It is, unless switched off."
        code={PYTHON}
      />
    )
  }
  return <Facts environment={found} runId={run.id} />
}

const PYTHON = `import trackql

with trackql.start_run():  # machine, packages and lock file are captured
    ...`

function Facts(props: { environment: Environment; runId: string }): ReactElement {
  const { environment, runId } = props
  const { lockPath, packages, variables } = environment
  const machine = [
    ['Python', [environment.implementation, environment.python].filter(Boolean).join(' ')],
    ['Platform', environment.platform],
    ['Host', environment.hostname],
    ['CPU', environment.cpu],
    ['Cores', environment.cpuCount ? formatCount(environment.cpuCount) : ''],
    ['Memory', environment.memory == null ? '' : formatBytes(toInteger(environment.memory))],
    ...environment.gpus.map(({ name, memory, driver }, index) => [
      environment.gpus.length > 1 ? `GPU ${index}` : 'GPU',
      [name, memory == null ? '' : formatBytes(toInteger(memory)), driver && `driver ${driver}`]
        .filter(Boolean)
        .join(', '),
    ]),
  ].flatMap(([key, value]) => (key && value ? [{ key, value }] : []))
  const lock = lockPath ? new URL(bytesUrl(runId, lockPath), location.origin).href : null
  const commands = lock
    ? `curl -fsS ${lock} -o requirements.txt\npython -m venv .venv\n.venv/bin/pip install -r requirements.txt`
    : ''
  return (
    <div className="part environment-part">
      <div className="part-columns">
        <section>
          <h2>Machine</h2>
          <Pairs pairs={machine} />
        </section>
        <section>
          {lock && (
            <>
              <h2>Have it again</h2>
              <div className="code">
                <pre>{commands}</pre>
                <Copy text={commands} label="Copy the commands" bare />
              </div>
              <p className="part-links">
                <a href={lock} download>
                  <Icon name="download" /> requirements.txt
                </a>
              </p>
            </>
          )}
          {variables.length > 0 && (
            <>
              <h2>Variables</h2>
              <Pairs pairs={variables.map(({ name, value }) => ({ key: name, value }))} />
            </>
          )}
        </section>
      </div>
      <Packages packages={packages} />
    </div>
  )
}

function Packages({ packages }: { packages: Environment['packages'] }): ReactElement {
  const [search, setSearch] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const shortcuts = useMemo<Shortcut[]>(
    () => [{ key: '/', label: 'Search packages', run: () => field.current?.focus() }],
    [],
  )
  useShortcuts('Environment', shortcuts, true)
  const needle = search.toLowerCase()
  const shown = useMemo(
    () => packages.filter(({ name }) => name.toLowerCase().includes(needle)),
    [packages, needle],
  )
  return (
    <section className="packages">
      <div className="toolbar">
        <h2>
          Packages{' '}
          <span className="muted tabular">
            {shown.length < packages.length && `${formatCount(shown.length)} of `}
            {formatCount(packages.length)}
          </span>
        </h2>
        <SearchField
          field={field}
          label="Search packages"
          placeholder="Packages…"
          value={search}
          onChange={setSearch}
        />
        <span className="spacer" />
        <Copy
          text={() => shown.map(({ name, version }) => `${name}==${version}`).join('\n')}
          label="Copy as requirements"
        />
      </div>
      <Lines
        count={shown.length}
        rowPx={24}
        label="Packages"
        className="package-lines"
        line={(index) => {
          const each = shown[index]
          return (
            each && (
              <div key={each.name} className="package">
                <span className="clip">{each.name}</span>
                <code className="clip">{each.version}</code>
              </div>
            )
          )
        }}
      />
    </section>
  )
}
