// Binds signals to Preact: a component is drawn again when a signal that it has read changes.

import { Component } from "../vendor/preact.js";
import { effect } from "../vendor/signals.js";
import { language } from "./l10n.js";

/**
 * A component of a function of its props, which may use hooks and read signals. It is drawn again
 * when one of its props, a signal that it read the last time, or the language is another.
 */
export function observer(draw) {
  return class Observer extends Component {
    shouldComponentUpdate(props, state) {
      // A hook that has news sets another state.
      return state !== this.state || differ(props, this.props);
    }

    componentWillUnmount() {
      this.stopReading();
    }

    stopReading() {
      this.stop?.();
      this.stop = null;
    }

    render(props) {
      this.stopReading();
      let isDrawn = false;
      let drawn = null;

      this.stop = effect(() => {
        if (isDrawn) {
          // What reads nothing hears of nothing more, until it is drawn again.
          this.forceUpdate();
          return;
        }
        isDrawn = true;
        language.value;
        drawn = draw(props);
      });

      return drawn;
    }
  };
}

function differ(one, other) {
  const names = Object.keys(one);
  return (
    names.length !== Object.keys(other).length ||
    names.some((name) => !Object.is(one[name], other[name]))
  );
}
