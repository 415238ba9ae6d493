// What a browser remembers between visits; a browser that refuses storage forgets, nothing more.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`trackql.${name}`)
  } catch {
    return null
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`trackql.${name}`, value)
  } catch {
    return
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(`trackql.${name}`)
  } catch {
    return
  }
}

/** Told when another tab remembers something else under this name. */
export function onRemembered(name: string, listener: (value: string | null) => void): () => void {
  const heard = (event: StorageEvent) => {
    if (event.key === `trackql.${name}`) listener(event.newValue)
  }
  addEventListener('storage', heard)
  return () => removeEventListener('storage', heard)
}
