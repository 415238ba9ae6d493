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
