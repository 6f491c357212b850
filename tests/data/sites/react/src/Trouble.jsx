import { Component } from "react";

/** Shows what went wrong, such as a chunk that could not be loaded, where a page would otherwise stay blank. */
export default class Trouble extends Component {
  state = { error: null };

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    if (this.state.error) {
      return <p id="trouble">{String(this.state.error)}</p>;
    }
    return this.props.children;
  }
}
