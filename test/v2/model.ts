// etcd's v2 store as plain objects: directories that hold their children, and a list of all that happened.

export interface ModelNode {
  readonly path: string
  created: number
  modified: number
  expires: number | undefined
  value: string
  /** Undefined for a file. */
  children: Map<string, ModelNode> | undefined
}

export interface ModelContent {
  readonly dir: boolean
  readonly value: string
  readonly expires: number | undefined
}

/** A refusal: its code and cause. */
export class ModelError extends Error {
  readonly code: number

  constructor(code: number, cause: string) {
    super(cause)
    this.code = code
  }
}

export class V2Model {
  index = 3
  readonly root: ModelNode = directory('', 0)

  /** The node, or the part of the way to it at which the walk ends. */
  #walk(path: string): ModelNode {
    let node = this.root
    for (const name of path.split('/').slice(1)) {
      if (node.children === undefined) {
        throw new ModelError(104, node.path)
      }
      const child = node.children.get(name)
      if (child === undefined) {
        throw new ModelError(100, `${node.path}/${name}`)
      }
      node = child
    }
    return node
  }

  get(path: string): ModelNode {
    return this.#walk(path)
  }

  set(path: string, content: ModelContent, mustBeNew: boolean): ModelNode {
    const next = this.index + 1
    let parent = this.root
    const names = path.split('/').slice(1)
    const last = names.pop()
    if (last === undefined) {
      throw new ModelError(107, '/')
    }
    for (const name of names) {
      parent = this.#directory(parent, name, next)
    }
    const children = parent.children ?? new Map<string, ModelNode>()
    const old = children.get(last)
    if (old !== undefined && (mustBeNew || old.children !== undefined)) {
      throw new ModelError(mustBeNew ? 105 : 102, path)
    }
    const node: ModelNode = {
      ...directory(path, next),
      expires: content.expires,
      value: content.dir ? '' : content.value,
      children: content.dir ? new Map() : undefined,
    }
    children.set(last, node)
    this.index = next
    return node
  }

  #directory(parent: ModelNode, name: string, index: number): ModelNode {
    let child = parent.children?.get(name)
    if (child === undefined) {
      child = directory(`${parent.path}/${name}`, index)
      parent.children?.set(name, child)
    }
    if (child.children === undefined) {
      throw new ModelError(104, child.path)
    }
    return child
  }

  update(path: string, content: ModelContent): ModelNode {
    requireBelowRoot(path)
    const node = this.#walk(path)
    if (node.children !== undefined && content.value !== '') {
      throw new ModelError(102, path)
    }
    return this.#change(node, content)
  }

  swap(path: string, prev: string, prevIndex: number, content: ModelContent): ModelNode {
    requireBelowRoot(path)
    const node = this.#walk(path)
    compare(node, prev, prevIndex)
    return this.#change(node, content)
  }

  #change(node: ModelNode, content: ModelContent): ModelNode {
    this.index++
    node.expires = content.expires
    if (node.children === undefined) {
      node.value = content.value
      node.modified = this.index
    }
    return node
  }

  delete(path: string, dir: boolean, recursive: boolean): void {
    requireBelowRoot(path)
    const node = this.#walk(path)
    if (node.children !== undefined && !dir && !recursive) {
      throw new ModelError(102, path)
    }
    if (node.children !== undefined && node.children.size > 0 && !recursive) {
      throw new ModelError(108, path)
    }
    this.#remove(path)
  }

  compareAndDelete(path: string, prev: string, prevIndex: number): void {
    compare(this.#walk(path), prev, prevIndex)
    this.#remove(path)
  }

  #remove(path: string): void {
    const slash = path.lastIndexOf('/')
    this.#walk(path.slice(0, slash)).children?.delete(path.slice(slash + 1))
    this.index++
  }

  expire(now: number): void {
    for (let first = this.#firstExpired(now); first; first = this.#firstExpired(now)) {
      this.#remove(first.path)
    }
  }

  #firstExpired(now: number): ModelNode | undefined {
    const expired = everything(this.root).filter(({ expires = Infinity }) => expires <= now)
    return expired.toSorted((a, b) => (a.expires ?? 0) - (b.expires ?? 0))[0]
  }
}

function directory(path: string, index: number): ModelNode {
  const children = new Map<string, ModelNode>()
  return { path, created: index, modified: index, expires: undefined, value: '', children }
}

function requireBelowRoot(path: string): void {
  if (path === '') {
    throw new ModelError(107, '/')
  }
}

function compare(node: ModelNode, prev: string, prevIndex: number): void {
  if (node.children !== undefined) {
    throw new ModelError(102, node.path)
  }
  const value = prev === '' || prev === node.value ? '' : `[${prev} != ${node.value}]`
  const index =
    prevIndex === 0 || prevIndex === node.modified ? '' : `[${prevIndex} != ${node.modified}]`
  if (value !== '' || index !== '') {
    throw new ModelError(101, `${value} ${index}`.trim())
  }
}

export function everything(node: ModelNode): readonly ModelNode[] {
  return [node, ...[...(node.children?.values() ?? [])].flatMap(everything)]
}
