/** Where handlers wait until a script lets them go: races are ordered, never slept through. */
export class Gates {
  #gates = new Map()

  /** Called by a handler: it has arrived, and goes on when the gate is opened. */
  wait(name) {
    const gate = this.#gate(name)
    gate.arrived++
    gate.told()
    return gate.opened
  }

  /** Gives a promise of so many handlers waiting at a gate. */
  async arrivals(name, count) {
    const gate = this.#gate(name)
    while (gate.arrived < count) await new Promise((resolve) => (gate.told = resolve))
  }

  open(name) {
    this.#gate(name).open()
  }

  #gate(name) {
    let gate = this.#gates.get(name)
    if (!gate) {
      gate = { arrived: 0, told: () => {} }
      gate.opened = new Promise((resolve) => (gate.open = resolve))
      this.#gates.set(name, gate)
    }
    return gate
  }
}
