/**
 * How <image-classifier> looks. Each of its colours and sizes is a custom
 * property of the page's, --image-classifier-…, with a default for light and dark
 * after the element's own color-scheme: a widget follows its page, not the device.
 */
export const style = `
:host {
  --ground: var(--image-classifier-ground, #fffdfa);
  --sunken: var(--image-classifier-sunken, #f3ece2);
  --line: var(--image-classifier-line, #e6dccf);
  --ink: var(--image-classifier-ink, #2a231d);
  --quiet: var(--image-classifier-quiet, #6b5f54);
  --accent: var(--image-classifier-accent, #a34d18);
  --on-accent: var(--image-classifier-on-accent, #fffdfa);
  --bar: var(--image-classifier-bar, #df9350);
  --bar-rest: var(--image-classifier-bar-rest, #cdbba6);
  --track: var(--image-classifier-track, #f1e8dc);
  --trouble: var(--image-classifier-trouble, #a02c1f);
  --radius: var(--image-classifier-radius, 16px);
  --ratio: var(--image-classifier-ratio, 4 / 3);
  display: block;
  color: var(--ink);
  font: 400 1rem/1.5 var(--image-classifier-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
  font-variant-numeric: tabular-nums;
  text-align: start;
}

@supports (color: light-dark(#000, #fff)) {
  :host {
    --ground: var(--image-classifier-ground, light-dark(#fffdfa, #221e1a));
    --sunken: var(--image-classifier-sunken, light-dark(#f3ece2, #13110f));
    --line: var(--image-classifier-line, light-dark(#e6dccf, #38312a));
    --ink: var(--image-classifier-ink, light-dark(#2a231d, #f3ece3));
    --quiet: var(--image-classifier-quiet, light-dark(#6b5f54, #b5a899));
    --accent: var(--image-classifier-accent, light-dark(#a34d18, #f0b077));
    --on-accent: var(--image-classifier-on-accent, light-dark(#fffdfa, #2a1a0c));
    --bar: var(--image-classifier-bar, light-dark(#df9350, #e69c59));
    --bar-rest: var(--image-classifier-bar-rest, light-dark(#cdbba6, #75675a));
    --track: var(--image-classifier-track, light-dark(#f1e8dc, #302a24));
    --trouble: var(--image-classifier-trouble, light-dark(#a02c1f, #ff9c8a));
  }
}

:host([hidden]) { display: none; }

*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
p, ol { margin: 0; padding: 0; }

.card {
  display: flex;
  flex-wrap: wrap;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--ground);
}

.stage {
  position: relative;
  flex: 1 1 16rem;
  min-width: 0;
  aspect-ratio: var(--ratio);
  background: var(--sunken);
}
.stage.is-target { outline: 3px solid var(--accent); outline-offset: -3px; }
.stage > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.stage canvas, .stage video { display: block; object-fit: contain; }
.heat { pointer-events: none; }

.placeholder {
  display: grid;
  place-content: center;
  justify-items: center;
  gap: .75rem;
  padding: 1rem;
  text-align: center;
  color: var(--quiet);
}
.placeholder svg { width: 3.5rem; height: 3.5rem; opacity: .7; }

.words {
  display: flex;
  flex: 1 1 16rem;
  flex-direction: column;
  justify-content: space-between;
  gap: .75rem;
  min-width: 0;
  padding: 1rem 1.125rem;
}

.guesses { display: grid; gap: .5rem; list-style: none; min-height: calc(var(--rows, 5) * 2.375rem - .5rem); align-content: start; }
.guess { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: .75rem; font-size: .9375rem; line-height: 1.4; }
.guess > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.guess > :nth-child(2) { color: var(--quiet); }
.guess:first-child { font-weight: 600; }
.guess:first-child > :nth-child(2) { color: inherit; }
.bar { grid-column: 1 / -1; height: .375rem; margin-top: .1875rem; overflow: hidden; border-radius: 1rem; background: var(--track); }
.bar::before { content: ""; display: block; height: 100%; border-radius: inherit; background: var(--bar-rest); transform: scaleX(var(--score)); transform-origin: left; transition: transform .25s ease-out; }
.guess:first-child .bar::before { background: var(--bar); }
:host(:dir(rtl)) .bar::before { transform-origin: right; }

.failure { align-self: center; color: var(--trouble); font-weight: 600; text-align: center; text-wrap: balance; }

.answer { display: grid; }
.answer > :not(slot), .answer ::slotted(*), .guesses { grid-area: 1 / 1; min-width: 0; }
.status { align-self: center; color: var(--quiet); text-align: center; pointer-events: none; }
.status > progress { display: block; width: 100%; max-width: 16rem; height: .25rem; margin: .5rem auto 0; accent-color: var(--accent); }

.foot { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: .5rem; }
.foot:not(:has(> :not([hidden]))) { display: none; }

.button {
  position: relative;
  display: inline-flex;
  align-items: center;
  min-height: 2.5rem;
  padding: .375rem 1rem;
  border: 1px solid var(--line);
  border-radius: calc(var(--radius) * .75);
  background: var(--ground);
  color: var(--accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
.button.primary { border-color: transparent; background: var(--accent); color: var(--on-accent); }
.button:hover { filter: brightness(.96); }
.button input { position: absolute; inset: 0; width: 100%; opacity: 0; cursor: pointer; font-size: 0; }
.button:focus-visible, .button:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px; }

.announcer { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (hover: none) { .drop { display: none; } }
@media (prefers-reduced-motion: reduce) { .bar::before { transition: none; } }
@media (forced-colors: active) { .bar { border: 1px solid; } .bar::before { background: Highlight !important; forced-color-adjust: none; } }
`;
