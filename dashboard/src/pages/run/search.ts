// What the address of a run says: how its charts are drawn.
export { type ChartSearch as RunSearch, checkChartSearch as checkSearch } from '#lib/view.ts'
