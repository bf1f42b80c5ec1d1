// Virtual lists: of long lists, only the rows in view are drawn.

import { Component, html } from "../vendor/preact.js";
import { Icon } from "./button.js";

/**
 * The heights of many rows, one above the other: changed and summed up in a few steps, however many
 * there are. A Fenwick tree: every node has the sum of the rows that it stands for.
 */
class Heights {
  /** `of` tells the height of the row at an index. */
  constructor(count, of) {
    this.count = count;
    this.each = new Float64Array(count);
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

  at(y) {
    let found = 0;
    let rest = y;
    for (let step = 2 ** Math.floor(Math.log2(this.count || 1)); step; step >>= 1) {
      if (found + step <= this.count && this.sums[found + step] <= rest) {
        found += step;
        rest -= this.sums[found];
      }
    }
    return Math.min(found, this.count - 1);
  }
}

/** How much more than what is seen is drawn, in pixels. */
const MARGIN = 600;
const NEAR_END = 48;
const END = 12;

/**
 * Rows of unequal heights. What is looked at stays where it is, whatever comes above or below; who
 * looks at the end goes with it.
 *
 * Props: items (another array when one changes), keyOf, draw, guess (a height), onNearTop, onEnd
 * (called whenever the end is seen), goTo (a key), label, itemsLabel, endLabel.
 */
export class EndAnchoredList extends Component {
  box = { current: null };
  /** By the rows' keys: what was measured. */
  measured = new Map();
  heights = new Heights(0);
  items = null;
  /** The row that is looked at, and how far it is from the upper edge. */
  anchor = null;
  isAtEnd = true;
  viewHeight = 800;
  scrollTop = 0;
  reached = null;

  takeItems() {
    const { items, keyOf, guess } = this.props;
    const before = this.items;
    this.items = items;
    if (before && hasSameRows(before, items, keyOf)) return;
    this.heights = new Heights(items.length, (i) => this.measured.get(keyOf(items[i])) ?? guess);
  }

  get total() {
    return this.heights.before(this.heights.count) + END;
  }

  rememberPlace() {
    const { items, keyOf } = this.props;
    if (!items.length) return;
    const index = this.heights.at(this.scrollTop);
    const delta = this.scrollTop - this.heights.before(index);
    this.anchor = { key: keyOf(items[index]), index, delta };
    this.isAtEnd = this.scrollTop + this.viewHeight >= this.total - NEAR_END;
  }

  scrolled = () => {
    const box = this.box.current;
    if (!box) return;
    // Where we put it ourselves, or room that something else took, is no wish to look elsewhere.
    const hasMoved = Math.abs(box.scrollTop - this.scrollTop) > 1;
    this.scrollTop = box.scrollTop;
    this.viewHeight = box.clientHeight;
    if (hasMoved) this.rememberPlace();
    if (this.scrollTop < this.viewHeight * 2) this.props.onNearTop?.();
    if (this.isAtEnd) this.props.onEnd?.();
    this.forceUpdate();
  };

  componentDidMount() {
    this.observer = new ResizeObserver(() => {
      this.viewHeight = this.box.current.clientHeight;
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
    const hasChanged = this.measure();
    const goal = this.goal();
    if (hasChanged) box.firstChild.style.height = `${this.total}px`;

    if (goal !== null && Math.abs(goal - box.scrollTop) > 0.5) {
      box.scrollTop = goal;
      this.scrollTop = box.scrollTop;
      // The end came first.
      if (!this.isAtEnd && this.scrollTop < goal - 1) this.rememberPlace();
    }

    if (hasChanged) this.forceUpdate();
    else if (this.isAtEnd) this.props.onEnd?.();
  }

  measure() {
    const { keyOf, items } = this.props;
    let hasChanged = false;
    for (const row of this.box.current.querySelectorAll(":scope > .canvas > [data-index]")) {
      const index = Number(row.dataset.index);
      const item = items[index];
      if (!item) continue;
      const { height } = row.getBoundingClientRect();
      if (Math.abs((this.measured.get(keyOf(item)) ?? -1) - height) <= 0.5) continue;
      this.measured.set(keyOf(item), height);
      this.heights.set(index, height);
      hasChanged = true;
    }
    return hasChanged;
  }

  goal() {
    const { items, keyOf, goTo } = this.props;
    const find = (key) => items.findIndex((item) => keyOf(item) === key);

    if (goTo && goTo !== this.reached) {
      const index = find(goTo);
      if (index >= 0) {
        this.reached = goTo;
        this.isAtEnd = false;
        this.anchor = { key: goTo, index, delta: -this.viewHeight / 3 };
      }
    }
    if (this.isAtEnd) return Math.max(0, this.total - this.viewHeight);
    if (!this.anchor) return null;

    const { key, index, delta } = this.anchor;
    const isThere = items[index] && keyOf(items[index]) === key;
    const now = isThere ? index : find(key);
    if (now < 0) return null;
    this.anchor.index = now;
    return Math.max(0, this.heights.before(now) + delta);
  }

  toEnd = () => {
    this.isAtEnd = true;
    this.settle();
    this.scrolled();
  };

  render({ items, keyOf, draw, label, itemsLabel, endLabel }) {
    if (this.items !== items) this.takeItems();
    const from = this.isAtEnd
      ? Math.max(0, this.total - this.viewHeight)
      : (this.goal() ?? this.scrollTop);
    const first = items.length ? this.heights.at(Math.max(0, from - MARGIN)) : 0;
    const end = items.length ? this.heights.at(from + this.viewHeight + MARGIN) + 1 : 0;
    const last = Math.min(items.length, end);

    const rows = [];
    for (let i = first; i < last; i += 1) {
      rows.push(html`<div key=${keyOf(items[i])} data-index=${i} role="listitem"
        aria-setsize=${items.length} aria-posinset=${i + 1}>${draw(items[i], i)}</div>`);
    }
    const style = {
      height: `${this.total}px`,
      paddingBlockStart: `${this.heights.before(first)}px`,
    };

    return html`<div class="rows" ref=${this.box} onScroll=${this.scrolled} tabindex="0"
      role="group" aria-label=${label}>
      <div class="canvas" role="list" aria-label=${itemsLabel} style=${style}>${rows}</div>
      ${
        !this.isAtEnd &&
        html`<button type="button" class="button to-end" aria-label=${endLabel} title=${endLabel}
          onClick=${this.toEnd}><${Icon} name="down" /></button>`
      }
    </div>`;
  }
}

function hasSameRows(before, items, keyOf) {
  return (
    before.length === items.length &&
    items.every((item, i) => item === before[i] || keyOf(item) === keyOf(before[i]))
  );
}

const ROWS_AROUND = 6;
const STEPS = {
  ArrowDown: 1,
  ArrowUp: -1,
  Home: -Infinity,
  End: Infinity,
  PageDown: 8,
  PageUp: -8,
};

/** Props: items, keyOf, draw (of an item and its tabindex), height, label. */
export class MenuList extends Component {
  box = { current: null };
  state = { scrollTop: 0, viewHeight: 800, active: 0 };

  componentDidMount() {
    this.observer = new ResizeObserver(() => this.scrolled());
    this.observer.observe(this.box.current);
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  scrolled = () => {
    const { scrollTop, clientHeight: viewHeight } = this.box.current;
    this.setState({ scrollTop, viewHeight });
  };

  keyPressed = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();

    const { items, height } = this.props;
    const row = event.target.closest("[data-index]");
    const focused = Number(row?.dataset.index ?? this.state.active);
    const active = Math.max(0, Math.min(items.length - 1, focused + step));
    const box = this.box.current;
    const y = active * height;
    if (y < box.scrollTop) box.scrollTop = y;
    if (y + height > box.scrollTop + box.clientHeight) {
      box.scrollTop = y + height - box.clientHeight;
    }
    this.setState({ active, scrollTop: box.scrollTop }, () =>
      box.querySelector(`[data-index="${active}"] button`)?.focus(),
    );
  };

  render({ items, keyOf, draw, height, label }, { scrollTop, viewHeight, active }) {
    const first = Math.max(0, Math.floor(scrollTop / height) - ROWS_AROUND);
    const end = Math.ceil((scrollTop + viewHeight) / height) + ROWS_AROUND;
    const last = Math.min(items.length, end);
    // Tab enters the list at one row: the active one, or the first if that is not drawn.
    const wanted = Math.min(active, items.length - 1);
    const entry = wanted < first || wanted >= last ? first : wanted;

    const rows = [];
    for (let i = first; i < last; i += 1) {
      const style = { insetBlockStart: `${i * height}px`, height: `${height}px` };
      rows.push(html`<li key=${keyOf(items[i])} data-index=${i} style=${style}
        aria-setsize=${items.length} aria-posinset=${i + 1}>
        ${draw(items[i], i === entry ? 0 : -1)}
      </li>`);
    }

    return html`<div class="menu" ref=${this.box} onScroll=${this.scrolled}
      onKeyDown=${this.keyPressed}>
      <ul class="canvas" aria-label=${label} style=${{ height: `${items.length * height}px` }}>
        ${rows}
      </ul>
    </div>`;
  }
}
