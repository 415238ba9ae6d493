import { expect, test } from 'vitest'
import { checkoutCommands, quoteShell, spellCommand } from './shell.ts'

test('words are quoted where a shell would read them otherwise', () => {
  expect(spellCommand(['python', 'train.py', '--name', "it's a $x", ''])).toBe(
    "python train.py --name 'it'\\''s a $x' ''",
  )
  expect(quoteShell('a;rm -rf /')).toBe("'a;rm -rf /'")
})

const none = { remote: null, commit: null, diffUrl: null, untrackedUrl: null, snapshotUrl: null }

test('the code as it ran', () => {
  expect(checkoutCommands(none, 'x')).toBe('')
  expect(
    checkoutCommands(
      { ...none, remote: 'git@host:me/it.git', commit: 'abc', diffUrl: 'http://h/d' },
      'my run',
    ),
  ).toBe(
    "git clone git@host:me/it.git 'my run' && cd 'my run'\ngit checkout abc\ncurl -fsS http://h/d | git apply",
  )
  expect(checkoutCommands({ ...none, snapshotUrl: 'http://h/s.zip' }, 'r')).toBe(
    'mkdir -p r && cd r\ncurl -fsS http://h/s.zip -o /tmp/files.zip && unzip -o /tmp/files.zip',
  )
})
