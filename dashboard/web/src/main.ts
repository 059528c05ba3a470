/** The page. */
import "./shell.js";
import { followScheme } from "./design/scheme.js";
import { store } from "./market/store.js";

followScheme();
store.start();
