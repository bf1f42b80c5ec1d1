// Long lists, of which only what is seen is drawn.

import { Component, html } from "/vendor/preact.js";

const createRef = () => ({ current: null });

/** How much more than what is seen is drawn, in pixels. */
const MARGIN = 600;
const AT_END = 48;
/** Room below the last row. */
const END = 12;

/** The heights of many rows, one above the other: changed and summed up in a few steps, however many there are. */
class Heights {
  /** `of` tells the height of the row at an index. */
  constructor(count, of) {
    this.count = count;
    this.each = new Float64Array(count);
    // A Fenwick tree: every node has the sum of the rows that it stands for.
    this.sums = new Float64Array(count + 1);
    for (let i = 1; i <= count; i += 1) {
      this.each[i - 1] = of(i - 1);
      this.sums[i] += this.each[i - 1];
      const parent = i + (i & -i);
      if (parent <= count) this.sums[parent] += this.sums[i];
    }
  }

  set(index, height) {
    const more = height - this.each[index];
    this.each[index] = height;
    for (let i = index + 1; i <= this.count; i += i & -i) this.sums[i] += more;
  }

  /** Where the row at an index begins. */
  before(index) {
    let sum = 0;
    for (let i = index; i > 0; i -= i & -i) sum += this.sums[i];
    return sum;
  }

  /** The row at a height. */
  at(y) {
    let found = 0, rest = y;
    for (let step = 2 ** Math.floor(Math.log2(this.count || 1)); step; step >>= 1) {
      if (found + step <= this.count && this.sums[found + step] <= rest) {
        found += step;
        rest -= this.sums[found];
      }
    }
    return Math.min(found, this.count - 1);
  }
}

/**
 * Rows of unequal heights that begin at their end, as conversations do. What is looked at stays where it is, whatever
 * comes above or below; who looks at the end goes with it.
 * Props: items, keyOf, draw, guess (a height), top (called near the beginning), seen (called at the end), label, goTo.
 */
export class Rows extends Component {
  box = createRef();
  /** By the rows' keys: what was measured. */
  known = new Map();
  heights = new Heights(0);
  items = null;
  anchor = null;
  stuck = true;
  view = 800;
  at = 0;

  measureAll() {
    const { items, keyOf, guess } = this.props;
    this.heights = new Heights(items.length, (i) => this.known.get(keyOf(items[i])) ?? guess);
    this.items = items;
  }

  get total() {
    return this.heights.before(this.heights.count) + END;
  }

  remember() {
    const { items, keyOf } = this.props;
    if (!items.length) return;
    const index = this.heights.at(this.at);
    this.anchor = { key: keyOf(items[index]), index, delta: this.at - this.heights.before(index) };
    this.stuck = this.at + this.view >= this.total - AT_END;
  }

  scrolled = () => {
    const box = this.box.current;
    if (!box) return;
    // Where we put it ourselves, or room that something else took, is nobody's wish to look elsewhere.
    const moved = Math.abs(box.scrollTop - this.at) > 1;
    this.at = box.scrollTop;
    this.view = box.clientHeight;
    if (moved) this.remember();
    if (this.at < this.view * 2) this.props.top?.();
    if (this.stuck) this.props.seen?.();
    this.forceUpdate();
  };

  componentDidMount() {
    this.observer = new ResizeObserver(() => {
      this.view = this.box.current.clientHeight;
      this.settle();
      this.forceUpdate();
    });
    this.observer.observe(this.box.current);
    this.settle();
    this.forceUpdate();
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  componentDidUpdate() {
    this.settle();
  }

  /** Measures what was drawn, and puts what is looked at back into its place. */
  settle() {
    const box = this.box.current;
    const { keyOf, items } = this.props;
    let changed = false;
    for (const row of box.querySelectorAll(":scope > .canvas > [data-index]")) {
      const index = Number(row.dataset.index), item = items[index];
      if (!item) continue;
      const height = row.getBoundingClientRect().height;
      if (Math.abs((this.known.get(keyOf(item)) ?? -1) - height) > 0.5) {
        this.known.set(keyOf(item), height);
        this.heights.set(index, height);
        changed = true;
      }
    }
    const goal = this.goal();
    if (changed) this.box.current.firstChild.style.height = `${this.total}px`;
    if (goal !== null && Math.abs(goal - box.scrollTop) > 0.5) {
      box.scrollTop = goal;
      this.at = box.scrollTop;
      // The end came first.
      if (!this.stuck && this.at < goal - 1) this.remember();
    }
    if (changed) this.forceUpdate();
    else if (this.stuck) this.props.seen?.();
  }

  goal() {
    const { items, keyOf, goTo } = this.props;
    if (goTo && goTo !== this.gone) {
      const index = items.findIndex((item) => keyOf(item) === goTo);
      if (index >= 0) {
        this.gone = goTo;
        this.stuck = false;
        this.anchor = { key: goTo, index, delta: -this.view / 3 };
      }
    }
    if (this.stuck) return Math.max(0, this.total - this.view);
    if (!this.anchor) return null;
    let { index } = this.anchor;
    if (!items[index] || keyOf(items[index]) !== this.anchor.key) index = items.findIndex((item) => keyOf(item) === this.anchor.key);
    if (index < 0) return null;
    this.anchor.index = index;
    return Math.max(0, this.heights.before(index) + this.anchor.delta);
  }

  toEnd = () => {
    this.stuck = true;
    this.settle();
    this.scrolled();
  };

  render({ items, keyOf, draw, label, unit }) {
    if (this.items !== items || this.heights.count !== items.length) this.measureAll();
    const from = this.stuck ? Math.max(0, this.total - this.view) : this.goal() ?? this.at;
    const first = items.length ? this.heights.at(Math.max(0, from - MARGIN)) : 0;
    const last = items.length ? Math.min(items.length, this.heights.at(from + this.view + MARGIN) + 1) : 0;
    const rows = [];
    for (let i = first; i < last; i += 1) {
      rows.push(html`<div key=${keyOf(items[i])} data-index=${i} role="listitem" aria-setsize=${items.length} aria-posinset=${i + 1}>${draw(items[i], i)}</div>`);
    }
    return html`<div class="rows" ref=${this.box} onScroll=${this.scrolled} tabindex="0" role="group" aria-label=${label}>
      <div class="canvas" role="list" aria-label=${unit} style=${{ height: `${this.total}px`, paddingBlockStart: `${this.heights.before(first)}px` }}>${rows}</div>
      ${!this.stuck && html`<button type="button" class="button to-end" aria-label=${this.props.endLabel} title=${this.props.endLabel} onClick=${this.toEnd}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 9l6 6 6-6" /></svg></button>`}
    </div>`;
  }
}

/** Rows of one height, of which one is chosen by the arrow keys. Props: items, keyOf, draw, height, label, choose. */
export class Menu extends Component {
  box = createRef();
  state = { at: 0, view: 800, active: 0 };

  componentDidMount() {
    this.observer = new ResizeObserver(() => this.scrolled());
    this.observer.observe(this.box.current);
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  scrolled = () => this.setState({ at: this.box.current.scrollTop, view: this.box.current.clientHeight });

  keyed = (event) => {
    const { items, height } = this.props;
    const focused = Number(event.target.closest("[data-index]")?.dataset.index ?? this.state.active);
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity, PageDown: 8, PageUp: -8 }[event.key];
    if (!step) return;
    event.preventDefault();
    const active = Math.max(0, Math.min(items.length - 1, focused + step));
    const box = this.box.current;
    const y = active * height;
    if (y < box.scrollTop) box.scrollTop = y;
    if (y + height > box.scrollTop + box.clientHeight) box.scrollTop = y + height - box.clientHeight;
    this.setState({ active, at: box.scrollTop }, () => this.box.current.querySelector(`[data-index="${active}"] button`)?.focus());
  };

  render({ items, keyOf, draw, height, label }, { at, view, active }) {
    const first = Math.max(0, Math.floor(at / height) - 6);
    const last = Math.min(items.length, Math.ceil((at + view) / height) + 6);
    const rows = [];
    const roving = Math.min(active, items.length - 1);
    for (let i = first; i < last; i += 1) {
      rows.push(html`<li key=${keyOf(items[i])} data-index=${i} aria-setsize=${items.length} aria-posinset=${i + 1}
        style=${{ insetBlockStart: `${i * height}px`, height: `${height}px` }}>${draw(items[i], i === roving || (i === first && (roving < first || roving >= last)) ? 0 : -1)}</li>`);
    }
    return html`<div class="menu" ref=${this.box} onScroll=${this.scrolled} onKeyDown=${this.keyed}>
      <ul class="canvas" aria-label=${label} style=${{ height: `${items.length * height}px` }}>${rows}</ul></div>`;
  }
}
