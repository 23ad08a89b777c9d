// Enter in the search (Ctrl+K) opens the first result where none is chosen, as soon as it is there.
"use strict";

document.addEventListener("alpine:init", () => {
  const unfolds = window.searchCommand;

  window.searchCommand = () => {
    const command = unfolds();
    const { selectItem, handleContentLoaded } = command;
    return Object.assign(command, {
      foundFor: null, // the words that the results are of
      awaited: null, // how Enter wants to have opened what is still being looked for

      selectItem(...how) {
        const isFound = this.foundFor === this.$refs.searchInputCommand.value;
        this.awaited = isFound || this.currentIndex ? null : how;
        if (this.awaited) return;
        this.currentIndex ||= 1;
        const item = this.items?.[this.currentIndex - 1];
        if (item?.querySelector("a")) selectItem.apply(this, how);
      },

      handleContentLoaded(event) {
        handleContentLoaded.call(this, event);
        this.foundFor = new URL(event.detail.xhr.responseURL).searchParams.get("s");
        if (this.awaited) this.selectItem(...this.awaited);
      },
    });
  };
});
