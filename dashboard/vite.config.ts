import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// `npm run dev` serves the pages with hot reload and hands the rest to a running server.
const server = process.env.TRACKQL_URL ?? 'http://127.0.0.1:4000'

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Everything that a page loads is a file of this origin, under /assets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'graphiql.html'] },
    chunkSizeWarningLimit: 2000,
  },
  server: {
    proxy: {
      '/graphql': { target: server, ws: true, changeOrigin: true },
      '/version': server,
    },
  },
})
