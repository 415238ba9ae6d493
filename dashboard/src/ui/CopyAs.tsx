// What is shown, to paste elsewhere: as a request in GraphQL, or as Python.
import type { ReactElement } from 'react'
import { Copy } from './Copy.tsx'
import { Icon } from './icons.tsx'
import { Popover } from './Popover.tsx'

interface CopyAsProps {
  /** What is copied, for who does not see where the button stands. */
  what: string
  python(): string
  graphql(): string
}

export function CopyAs({ what, python, graphql }: CopyAsProps): ReactElement {
  return (
    <Popover label={`Copy ${what} as code`} trigger={<Icon name="code" />} isBare>
      <Copy text={python} label="Copy as Python" />
      <Copy text={graphql} label="Copy as GraphQL" />
    </Popover>
  )
}
