// Mounts the dashboard. The styles of all pages come before those that a page brings along.
import 'uplot/dist/uPlot.min.css'
import '#app/theme.css'
import '#app/table.css'
import '#app/query.css'
import '#app/panels.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from '#app/App.tsx'
import { applyTheme } from '#lib/theme.ts'

applyTheme()
const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
