// Saved views: a question with its columns, order, groups and charts, under a name.
import { type FormEvent, type ReactElement, useCallback, useEffect, useState } from 'react'
import { ask, change } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import {
  DeleteViewDocument,
  SavedViewDocument,
  SavedViewsDocument,
  type SavedViewsQuery,
  SaveViewDocument,
} from '#api/generated.ts'
import { packList } from '#lib/view.ts'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import { toast } from '#ui/toasts.tsx'
import { type Columns, type SetSearch, useSetSearch } from './hooks.ts'
import { checkSearch, type ExperimentSearch } from './search.ts'

type View = SavedViewsQuery['savedViews']['nodes'][number]

interface ViewsProps {
  experimentId: string
  search: ExperimentSearch
  columns: Columns
}

export function Views(props: ViewsProps): ReactElement {
  const views = useViews(props.experimentId)
  const current = views.list?.find((view) => view.id === props.search.view)
  return (
    <Popover
      label="Saved views"
      className="views"
      trigger={
        <>
          <Icon name="bookmark" />
          <span className={`wide-only clip group-name${current ? ' set' : ''}`}>
            {current?.name ?? 'Views'}
          </span>
        </>
      }
    >
      <ViewList {...props} views={views} current={current} />
    </Popover>
  )
}

interface Known {
  list: readonly View[] | undefined
  load(): Promise<void>
}

function useViews(experimentId: string): Known {
  const [list, setList] = useState<readonly View[]>()
  const load = useCallback(async () => {
    try {
      setList((await ask(SavedViewsDocument, { experimentId })).savedViews.nodes)
    } catch (cause) {
      toast(`The views could not be loaded: ${toApiError(cause).message}`)
    }
  }, [experimentId])
  useEffect(() => void load(), [load])
  return { list, load }
}

interface ViewListProps extends ViewsProps {
  views: Known
  current: View | undefined
}

function ViewList(props: ViewListProps): ReactElement {
  const { experimentId, search, columns, views, current } = props
  const set = useSetSearch()
  const [name, setName] = useState('')
  useEffect(() => void views.load(), [views.load])
  const save = async (id: string | null, called: string) => {
    const state = toState(search, columns)
    try {
      const input = { id, name: called, experimentId, state }
      const { saveView } = await change(SaveViewDocument, { input })
      set({ view: saveView.id, ...withColumns(columns) })
      setName('')
      toast(`“${called}” is saved. Its address shows it to others.`)
      await views.load()
    } catch (cause) {
      toast(`Not saved: ${toApiError(cause).message}`)
    }
  }
  const remove = async (view: View) => {
    try {
      await change(DeleteViewDocument, { id: view.id })
      if (view.id === search.view) set({ view: undefined })
      await views.load()
      toast(`“${view.name}” is gone.`, {
        label: 'Undo',
        run: () => {
          const input = { name: view.name, experimentId, state: view.state }
          change(SaveViewDocument, { input })
            .then(views.load)
            .catch((cause: unknown) => toast(`Not restored: ${toApiError(cause).message}`))
        },
      })
    } catch (cause) {
      toast(`Not deleted: ${toApiError(cause).message}`)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim()) void save(null, name.trim())
  }
  return (
    <>
      <div className="menu chooser-list">
        {views.list?.length === 0 && <p className="muted hint">No view is saved yet.</p>}
        {views.list?.map((view) => (
          <div key={view.id} className="check">
            <button
              type="button"
              className="clip view-name"
              aria-current={view.id === search.view || undefined}
              onClick={() => show(set, view, columns)}
            >
              {view.name}
            </button>
            <button
              type="button"
              className="quiet bare"
              aria-label={`Delete the view ${view.name}`}
              onClick={() => void remove(view)}
            >
              <Icon name="trash" />
            </button>
          </div>
        ))}
      </div>
      {current && (
        <button type="button" className="quiet" onClick={() => void save(current.id, current.name)}>
          Save changes to “{current.name}”
        </button>
      )}
      <form className="filter-to" onSubmit={submit}>
        <input
          aria-label="Name of the view"
          placeholder="Save what is shown as…"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="quiet" disabled={!name.trim()}>
          Save
        </button>
      </form>
    </>
  )
}

function withColumns({ columns, pins }: Columns) {
  return { columns: packList(columns ?? []), pins: packList(pins) }
}

/** All of the address but what is selected; widths are in no address. */
function toState(search: ExperimentSearch, columns: Columns): Record<string, unknown> {
  const { runs: _runs, view: _view, ...rest } = search
  return { ...rest, ...withColumns(columns), widths: columns.widths }
}

const NAMES: (keyof ExperimentSearch)[] = [
  'filter',
  'sort',
  'columns',
  'pins',
  'group',
  'tree',
  'trash',
  'differing',
  'runs',
  'show',
  'panel',
  'axes',
  'x',
  'smooth',
  'log',
  'clip',
  'zoom',
  'keys',
  'toggled',
  'full',
]

function show(set: SetSearch, view: Pick<View, 'id' | 'state'>, columns: Columns): void {
  const state = (view.state ?? {}) as Record<string, unknown>
  const search = checkSearch(state)
  const { widths } = state
  if (widths && typeof widths === 'object') columns.setWidths(widths as Record<string, number>)
  set({
    ...Object.fromEntries(NAMES.map((name) => [name, undefined])),
    ...search,
    view: view.id,
  })
}

/** An address that names a view alone shows it. */
export function useNamedView(search: ExperimentSearch, set: SetSearch, columns: Columns): void {
  const isAlone = search.view !== undefined && Object.keys(search).length === 1
  const id = search.view
  // biome-ignore lint/correctness/useExhaustiveDependencies: loaded once for each view
  useEffect(() => {
    if (!isAlone || !id) return
    ask(SavedViewDocument, { id })
      .then(({ savedView }) => {
        if (savedView) show(set, savedView, columns)
        else toast('There is no such view any more.')
      })
      .catch((cause: unknown) => toast(toApiError(cause).message))
  }, [isAlone, id])
}
