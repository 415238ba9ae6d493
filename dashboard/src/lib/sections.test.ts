import { expect, test } from 'vitest'
import { matcher, toSections } from './sections.ts'

test('keys fall into sections by prefix, sorted as people count', () => {
  const sections = toSections([
    'system/cpu',
    'val/loss',
    'loss',
    'train/layer10',
    'train/layer2',
    '/odd',
  ])
  expect(sections).toEqual([
    { name: '', keys: ['/odd', 'loss'] },
    { name: 'train', keys: ['train/layer2', 'train/layer10'] },
    { name: 'val', keys: ['val/loss'] },
    { name: 'system', keys: ['system/cpu'] },
  ])
})

test('a search is a substring or an expression', () => {
  expect(toSections(['a/Loss', 'a/acc'], 'loss')).toEqual([{ name: 'a', keys: ['a/Loss'] }])
  expect(['loss', 'loss2'].filter(matcher('loss$'))).toEqual(['loss'])
  expect(['f(x', 'fx'].filter(matcher('f(x'))).toEqual(['f(x'])
})
