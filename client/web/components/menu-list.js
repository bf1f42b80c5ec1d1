// A long list of rows of one height, of which only what is seen is drawn; arrow keys walk it.

import { Component, html } from "../vendor/preact.js";

/** How many more rows than those that are seen are drawn, at either side. */
const MARGIN = 6;
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
    const first = Math.max(0, Math.floor(scrollTop / height) - MARGIN);
    const end = Math.ceil((scrollTop + viewHeight) / height) + MARGIN;
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
