// GraphiQL on this server: queries over HTTP, subscriptions over the same WebSocket protocol.
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { createClient } from 'graphql-ws'
import { createRoot } from 'react-dom/client'
import 'graphiql/style.css'
import '#app/graphiql.css'

const address = new URL('/graphql', location.href)
const socket = new URL(address)
socket.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'

const fetcher = createGraphiQLFetcher({
  url: address.href,
  wsClient: createClient({ url: socket.href, lazy: true }),
})

const DEFAULT_QUERY = `# Everything the dashboard shows, and all it does, goes through here.
query Experiments {
  experiments(first: 20) {
    totalCount
    nodes {
      id
      name
      runCount
      activeRunCount
    }
  }
}
`

const root = document.getElementById('root')
if (!root) throw new Error('graphiql.html has no #root')
createRoot(root).render(<GraphiQL fetcher={fetcher} defaultQuery={DEFAULT_QUERY} />)
