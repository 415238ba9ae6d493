// A panel that a button opens: Radix keeps focus, Escape and clicks outside right.
import * as Radix from '@radix-ui/react-popover'
import type { ReactElement, ReactNode } from 'react'

interface PopoverProps {
  label: string
  trigger: ReactNode
  children: ReactNode
  className?: string
  /** The trigger is a sign alone. */
  isBare?: boolean
}

export function Popover(props: PopoverProps): ReactElement {
  const { label, trigger, children, className, isBare } = props
  return (
    <Radix.Root>
      <Radix.Trigger className={isBare ? 'quiet bare' : 'quiet'} title={label} aria-label={label}>
        {trigger}
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          className={`popover ${className ?? ''}`}
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={label}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
