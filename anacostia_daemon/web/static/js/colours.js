// The colours of the theme that is shown now, for what is drawn and not styled.
const root = document.documentElement;

export const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();

export const colours = () => [1, 2, 3, 4, 5, 6].map((number) => style(`--series-${number}`));
