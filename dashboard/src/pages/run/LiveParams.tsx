// Parameters that the script reads again and again: shown, and changed while it runs.
import { type KeyboardEvent, type ReactElement, useCallback, useEffect, useState } from 'react'
import { ask, change } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import { LiveParamsDocument, type LiveParamsQuery, SetLiveParamDocument } from '#api/generated.ts'
import { toast } from '#ui/toasts.tsx'
import { parseLive, rangeOf, spellLive } from './live.ts'
import type { FullRun } from './load.ts'

export type LiveParam = NonNullable<LiveParamsQuery['run']>['liveParams'][number]

const LOOK_MS = 3_000

export function LiveParams({ run }: { run: FullRun }): ReactElement | null {
  const [params, setParams] = useState<readonly LiveParam[]>([])
  const isAlive = run.status === 'RUNNING' || run.status === 'STALLED'
  const id = run.id
  const look = useCallback(async () => {
    try {
      setParams((await ask(LiveParamsDocument, { id })).run?.liveParams ?? [])
    } catch {
      // The header says already that the server is away.
    }
  }, [id])
  useEffect(() => {
    void look()
    if (!isAlive) return
    const timer = setInterval(() => void look(), LOOK_MS)
    return () => clearInterval(timer)
  }, [look, isAlive])
  if (params.length === 0) return null
  return (
    <section aria-label="Live parameters">
      <h2>
        Live parameters <span className="muted">{params.length}</span>
      </h2>
      <dl className="live-params">
        {params.map((param) => (
          <div key={param.key}>
            <dt title={param.key}>{param.key}</dt>
            <dd>
              {isAlive && run.lifecycle === 'ACTIVE' ? (
                <Editor key={spellLive(param.value)} id={id} param={param} onSet={look} />
              ) : (
                <code>{spellLive(param.value)}</code>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Editor(props: { id: string; param: LiveParam; onSet(): Promise<void> }): ReactElement {
  const { id, param, onSet } = props
  const [text, setText] = useState(spellLive(param.value))
  const set = async (value: unknown) => {
    try {
      await change(SetLiveParamDocument, { input: { runId: id, key: param.key, value } })
      await onSet()
    } catch (cause) {
      setText(spellLive(param.value))
      toast(`Not changed: ${toApiError(cause).message}`)
    }
  }
  const choose = (value: unknown) => {
    setText(spellLive(value))
    void set(value)
  }
  const commit = () => {
    if (text === spellLive(param.value)) return
    const value = parseLive(param.type, text)
    if (value === undefined) {
      setText(spellLive(param.value))
      toast(`Not changed: ${param.key} takes ${param.type.toLowerCase()} values`)
      return
    }
    void set(value)
  }
  const typed = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Enter') commit()
    if (event.key === 'Escape') setText(spellLive(param.value))
    event.stopPropagation() // letters are no shortcuts here
  }
  if (param.type === 'FLAG') {
    return (
      <input
        type="checkbox"
        aria-label={param.key}
        checked={text === 'true'}
        onChange={(event) => choose(event.target.checked)}
      />
    )
  }
  if (param.type === 'CHOICE') {
    const choices = (param.choices ?? []) as readonly unknown[]
    return (
      <select
        className="field"
        aria-label={param.key}
        value={choices.findIndex((each) => spellLive(each) === text)}
        onChange={(event) => choose(choices[Number(event.target.value)])}
      >
        {choices.map((choice, place) => (
          <option key={spellLive(choice)} value={place}>
            {spellLive(choice)}
          </option>
        ))}
      </select>
    )
  }
  return (
    <>
      <input
        className="field"
        aria-label={param.key}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={typed}
      />
      <span className="muted">{rangeOf(param)}</span>
    </>
  )
}
