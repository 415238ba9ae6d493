// A window over the page for commands and help.
import * as Radix from '@radix-ui/react-dialog'
import type { ReactElement, ReactNode } from 'react'

interface DialogProps {
  title: string
  hideTitle?: boolean
  open: boolean
  onOpenChange(open: boolean): void
  children: ReactNode
}

export function Dialog({
  title,
  hideTitle,
  open,
  onOpenChange,
  children,
}: DialogProps): ReactElement {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className="dialog" aria-describedby={undefined}>
          <Radix.Title className={hideTitle ? 'visually-hidden' : undefined}>{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
