import { expect, test } from 'vitest'
import { parsePatch, toPairs } from './patch.ts'

const PATCH = `diff --git a/train.py b/train.py
index 1111111..2222222 100644
--- a/train.py
+++ b/train.py
@@ -1,4 +1,5 @@ def main():
 import trackql
-rate = 0.1
+rate = 0.2
+--- not a head
 done
 end
diff --git a/old name.txt b/new name.txt
similarity index 90%
rename from old name.txt
rename to new name.txt
diff --git "a/\\303\\251.txt" "b/\\303\\251.txt"
new file mode 100644
--- /dev/null
+++ "b/\\303\\251.txt"
@@ -0,0 +1 @@
+hello
\\ No newline at end of file
diff --git a/model.bin b/model.bin
Binary files a/model.bin and b/model.bin differ
`

test('files, hunks and lines of git', () => {
  const files = parsePatch(PATCH)
  expect(files.map(({ path, kind, added, removed }) => [path, kind, added, removed])).toEqual([
    ['train.py', 'changed', 2, 1],
    ['new name.txt', 'renamed', 0, 0],
    ['é.txt', 'added', 1, 0],
    ['model.bin', 'binary', 0, 0],
  ])
  expect(files[1]?.oldPath).toBe('old name.txt')
  const [hunk] = files[0]?.hunks ?? []
  expect(hunk?.title).toBe('def main():')
  expect(hunk?.lines.map(({ kind, oldNumber, newNumber }) => [kind, oldNumber, newNumber])).toEqual(
    [
      ['same', 1, 1],
      ['old', 2, null],
      ['new', null, 2],
      ['new', null, 3],
      ['same', 3, 4],
      ['same', 4, 5],
    ],
  )
})

test('side by side, what was stands beside what is', () => {
  const [file] = parsePatch(PATCH)
  const pairs = toPairs(file?.hunks[0]?.lines ?? [])
  expect(pairs.map(({ left, right }) => [left?.text, right?.text])).toEqual([
    ['import trackql', 'import trackql'],
    ['rate = 0.1', 'rate = 0.2'],
    [undefined, '--- not a head'],
    ['done', 'done'],
    ['end', 'end'],
  ])
})

test('a hunk that says it is longer than it is ends with its file', () => {
  const short =
    'diff --git a/x b/x\n@@ -1,9 +1,9 @@\n a\n-b\n+c\ndiff --git a/y b/y\n@@ -1 +1 @@\n-1\n+2\n'
  expect(parsePatch(short).map(({ path, added }) => [path, added])).toEqual([
    ['x', 1],
    ['y', 1],
  ])
})

test('no patch has no files', () => {
  expect(parsePatch('')).toEqual([])
  expect(parsePatch('anything\nelse')).toEqual([])
})
