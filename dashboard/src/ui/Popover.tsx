// A panel that a button opens: Radix keeps focus, Escape and clicks outside right.
import * as Radix from '@radix-ui/react-popover'
import type { ReactElement, ReactNode } from 'react'

interface PopoverProps {
  label: string
  trigger: ReactNode
  children: ReactNode
  className?: string
}

export function Popover({ label, trigger, children, className }: PopoverProps): ReactElement {
  return (
    <Radix.Root>
      <Radix.Trigger className="quiet" title={label} aria-label={label}>
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
