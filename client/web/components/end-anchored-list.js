// A long list that begins at its end, as conversations do, of which only what is seen is drawn.

import { Heights } from "../lib/heights.js";
import { Component, html } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/** How much more than what is seen is drawn, in pixels. */
const MARGIN = 600;
/** Who is so near to the end is there. */
const NEAR_END = 48;
/** Room below the last row. */
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
  /** Where we have scrolled to. */
  scrollTop = 0;
  /** The key that was gone to. */
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

  /** Measures the rows that are drawn, and returns whether any has another height. */
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

  /** Where it has to be scrolled to; null if it stays. */
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

/** Whether a list has other items in some rows, and no other rows. */
function hasSameRows(before, items, keyOf) {
  return (
    before.length === items.length &&
    items.every((item, i) => item === before[i] || keyOf(item) === keyOf(before[i]))
  );
}
