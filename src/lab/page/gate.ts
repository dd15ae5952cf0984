import type { Idle } from '../told.ts'
import { byId, element } from './element.ts'

/** What stands where the lab will be: somebody has to show a token, or to start it. */
export class Gate {
  readonly #boxes = new Map<string, HTMLInputElement>()

  constructor(wishes: { unlock(token: string): void; start(regions: readonly string[]): void }) {
    byId('token-form').addEventListener('submit', (event) => {
      event.preventDefault()
      const field = byId('token') as HTMLInputElement
      wishes.unlock(field.value.trim())
      field.value = ''
    })
    byId('start-form').addEventListener('submit', (event) => {
      event.preventDefault()
      const [, leader = ''] = /leader=([a-z]+)/.exec(location.hash) ?? []
      const chosen = [...this.#boxes]
        .filter(([, box]) => box.checked)
        .map(([name]) => name)
        .toSorted((a, b) => Number(b === leader) - Number(a === leader))
      if (chosen.length < 2) {
        byId('ended').textContent = 'Choose two regions or more: one leads, the others follow.'
      } else {
        byId('ended').textContent = 'It begins …'
        wishes.start(chosen)
      }
    })
  }

  locked(problem: string): void {
    byId('page').dataset['state'] = 'locked'
    byId('token-problem').textContent = problem
    byId('token').focus()
  }

  idle({ regions, chosen, terms, ended }: Idle): void {
    byId('page').dataset['state'] = 'idle'
    byId('terms').textContent = terms
    byId('ended').textContent = ended
    if (this.#boxes.size > 0) {
      return
    }
    const wanted = [...chosen, ...(decodeURIComponent(location.hash).match(/[a-z]+/g) ?? [])]
    for (const { name, title } of regions) {
      const box = element('input', { type: 'checkbox', value: name })
      box.checked = wanted.includes(name)
      this.#boxes.set(name, box)
      byId('choices').append(element('label', {}, box, element('b', {}, name), ` ${title}`))
    }
  }
}
