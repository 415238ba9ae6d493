// Curves and their live points from the server: GraphQL in, columns out.
import { ask, listen } from '#api/client.ts'
import {
  MetricCurvesDocument,
  type MetricCurvesQuery,
  MetricsLoggedDocument,
} from '#api/generated.ts'
import { decodeIntegers, decodeValues, toInteger } from '#lib/columns.ts'
import type { Curve, Source, View } from './follow.ts'

/** More points than this in one event come reduced, as after a long disconnect. */
const POINTS_PER_EVENT = 4_000

export const server: Source = {
  async curves(runIds, keys, view) {
    const groups = byRange(runIds, view)
    const replies = await Promise.all(
      groups.map((group) => ask(MetricCurvesDocument, curveVariables(group.runIds, keys, view))),
    )
    return replies.flatMap((reply) => reply.metricCurves.map(toCurve))
  },

  listen(wanted, next, failed) {
    return listen(
      MetricsLoggedDocument,
      () => ({
        runIds: wanted.runIds,
        keys: wanted.keys,
        after: wanted.after(),
        maxPoints: POINTS_PER_EVENT,
      }),
      {
        next: (data) =>
          next(
            data.metricsLogged.series.map((delta) => ({
              runId: delta.runId,
              key: delta.key,
              offset: toInteger(delta.offset),
              nextOffset: toInteger(delta.nextOffset),
              reduced: delta.reduced,
              steps: decodeIntegers(delta.steps),
              times: decodeIntegers(delta.times),
              values: decodeValues(delta.values),
            })),
          ),
        failed,
      },
    )
  },
}

/** What metricCurves is asked for these runs, which share a range. */
export function curveVariables(runIds: readonly string[], keys: readonly string[], view: View) {
  return {
    runIds: [...runIds],
    keys: [...keys],
    axis: view.axis,
    range: view.rangeOf(runIds[0] ?? ''),
    pixels: view.pixels,
    smoothing: view.smoothing,
    smooth: view.smoothing > 0,
  }
}

/** Runs with the same range are asked for together: relative time differs from run to run. */
function byRange(runIds: readonly string[], view: View): { runIds: string[] }[] {
  const groups = new Map<string, { runIds: string[] }>()
  for (const runId of runIds) {
    const name = JSON.stringify(view.rangeOf(runId))
    const group = groups.get(name)
    if (group) group.runIds.push(runId)
    else groups.set(name, { runIds: [runId] })
  }
  return [...groups.values()]
}

function toCurve(curve: MetricCurvesQuery['metricCurves'][number]): Curve {
  return {
    runId: curve.runId,
    key: curve.key,
    axis: curve.axis,
    bucketWidth: toInteger(curve.bucketWidth),
    totalInRange: toInteger(curve.totalInRange),
    total: toInteger(curve.total),
    nextOffset: toInteger(curve.nextOffset),
    offsets: decodeIntegers(curve.offsets),
    steps: decodeIntegers(curve.steps),
    times: decodeIntegers(curve.times),
    values: decodeValues(curve.values),
    smoothed: curve.smoothed ? decodeValues(curve.smoothed) : null,
  }
}
