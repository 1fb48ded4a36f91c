// The catalogue of all text that people read: one file for each area.
import { directory } from "./directory";
import { events } from "./events";
import { overview } from "./overview";
import { setUp } from "./setUp";
import { shell } from "./shell";

export const text = { ...shell, overview, setUp, directory, events };
