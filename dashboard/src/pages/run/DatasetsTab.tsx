// The datasets that a run read: which, from where, of what shape.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  DatasetFactsDocument,
  type DatasetFactsQuery,
  type UsedDatasetFragment,
} from '#api/generated.ts'
import { JsonTree } from '#artifacts/JsonTree.tsx'
import { type Field, readFields, readJson, readSource } from '#lib/datasets.ts'
import { formatCount } from '#lib/format.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Copy } from '#ui/Copy.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Status } from '#ui/Status.tsx'
import type { FullRun } from './load.ts'

type Facts = NonNullable<DatasetFactsQuery['dataset']>

export default function DatasetsTab({ run }: { run: FullRun }): ReactElement {
  const { datasets } = run
  if (datasets.length === 0) {
    return <Beginning title="This run logged no dataset." code={PYTHON} />
  }
  return (
    <div className="part">
      {datasets.map((used) => (
        <Used
          key={`${used.dataset.name} ${used.dataset.digest} ${used.context}`}
          used={used}
          runId={run.id}
        />
      ))}
    </div>
  )
}

const PYTHON = `import pandas
import trackql

frame = pandas.read_csv("digits.csv")
dataset = trackql.data.from_pandas(frame, source="digits.csv", name="digits")
with trackql.start_run():
    trackql.log_input(dataset, context="training")`

function Used({ used, runId }: { used: UsedDatasetFragment; runId: string }): ReactElement {
  const { dataset, context, tags } = used
  const { experimentId, name, digest } = dataset
  const [facts, setFacts] = useState<Facts | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    let isCurrent = true
    ask(DatasetFactsDocument, { experimentId, name, digest })
      .then((answer) => isCurrent && setFacts(answer.dataset ?? null))
      .catch((cause) => isCurrent && setError(toApiError(cause)))
    return () => {
      isCurrent = false
    }
  }, [experimentId, name, digest])
  const source = readSource(dataset.source)
  const others = facts?.runs.nodes.filter((each) => each.id !== runId) ?? []
  return (
    <section className="dataset">
      <h2>
        {name} {context && <span className="chip">{context}</span>}
      </h2>
      <dl className="dataset-facts">
        <div>
          <dt className="muted">Digest</dt>
          <dd>
            <code>{digest}</code> <Copy text={digest} label="Copy the digest" bare />
          </dd>
        </div>
        {source && (
          <div>
            <dt className="muted">From</dt>
            <dd>
              <span className="muted">{dataset.sourceType}</span>{' '}
              <code className="dataset-source">{source}</code>{' '}
              <Copy text={source} label="Copy where it comes from" bare />
            </dd>
          </div>
        )}
        {tags.map(({ key, value }) => (
          <div key={key}>
            <dt className="muted">{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {error && <Notice title="Its columns could not be loaded" trouble={error} />}
      {!facts && !error && <Skeleton rows={4} />}
      {facts && <Shape facts={facts} />}
      {facts && facts.runCount > 1 && (
        <p className="dataset-runs">
          <span className="muted">
            Used by {formatCount(facts.runCount)} runs, of which the newest others are
          </span>
          {others.slice(0, 8).map((run) => (
            <span key={run.id} className="run-name">
              <Status status={run.status} bare />
              <Link to="/runs/$runId" params={{ runId: run.id }} className="clip">
                {run.name}
              </Link>
            </span>
          ))}
        </p>
      )}
    </section>
  )
}

function Shape({ facts }: { facts: Facts }): ReactElement {
  const schema = useMemo(() => readJson(facts.schema), [facts.schema])
  const profile = useMemo(() => readJson(facts.profile), [facts.profile])
  const fields = useMemo(() => readFields(schema), [schema])
  return (
    <div className="part-columns">
      <div>
        {fields ? <Fields fields={fields} /> : schema !== null && <JsonTree value={schema} />}
      </div>
      <div>
        {profile !== null && (
          <>
            <h3>Profile</h3>
            <JsonTree value={profile} />
          </>
        )}
      </div>
    </div>
  )
}

const SHOWN = 200

function Fields({ fields }: { fields: readonly Field[] }): ReactElement {
  const [isAll, setAll] = useState(false)
  const shown = isAll ? fields : fields.slice(0, SHOWN)
  return (
    <>
      <h3>
        Columns <span className="muted tabular">{formatCount(fields.length)}</span>
      </h3>
      <table className="numbers">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Required</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, type, isRequired }) => (
            <tr key={name}>
              <th scope="row" className="clip" title={name}>
                {name}
              </th>
              <td>
                <code>{type}</code>
              </td>
              <td className="muted">{isRequired ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!isAll && fields.length > SHOWN && (
        <button type="button" className="more" onClick={() => setAll(true)}>
          Show {formatCount(fields.length - SHOWN)} more
        </button>
      )}
    </>
  )
}
