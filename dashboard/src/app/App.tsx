// The dashboard: its router over urql's client.
import { RouterProvider } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Provider } from 'urql'
import { client } from '#api/client.ts'
import { router } from './router.tsx'

export function App(): ReactElement {
  return (
    <Provider value={client}>
      <RouterProvider router={router} />
    </Provider>
  )
}
