// Where the map looks: its middle and scale, and from degrees to pixels.

import { readBox } from "./said.js";
import { town } from "./town.js";
import { byId, redraw } from "./panels.js";

export const view = {
  lng: 0,
  lat: 0,
  /** CSS pixels a degree of latitude. */
  scale: 0,
  fitted: true,
  hover: null,
  byKeyboard: false,

  bounds() {
    return readBox(town.city.bounds) ?? [121.4, 30.8, 122.1, 31.5];
  },

  /** A degree of longitude is shorter than one of latitude by so much. */
  squeeze() {
    const [, south, , north] = this.bounds();
    return Math.cos(((south + north) / 2) * (Math.PI / 180));
  },

  fitScale(width, height) {
    const [west, south, east, north] = this.bounds();
    return Math.max(1, Math.min((width - 24) / ((east - west) * this.squeeze()), (height - 24) / (north - south)));
  },

  fit(width, height) {
    const [west, south, east, north] = this.bounds();
    [this.lng, this.lat, this.scale] = [(west + east) / 2, (south + north) / 2, this.fitScale(width, height)];
  },

  /** Where degrees lie on a canvas of this size: x = lng · kx + x0, y = y0 − lat · ky. */
  plane(width, height) {
    if (this.fitted || !this.scale) this.fit(width, height);
    const [kx, ky] = [this.scale * this.squeeze(), this.scale];
    return { kx, ky, x0: width / 2 - this.lng * kx, y0: height / 2 + this.lat * ky, width, height };
  },

  pan(dx, dy) {
    const [west, south, east, north] = this.bounds();
    this.lng = Math.min(east, Math.max(west, this.lng - dx / (this.scale * this.squeeze())));
    this.lat = Math.min(north, Math.max(south, this.lat + dy / this.scale));
    this.fitted = false;
    redraw("map");
  },

  /** Zooms so that the point under (x, y), from the middle of the canvas, stays where it is. */
  zoom(factor, x = 0, y = 0) {
    const { clientWidth, clientHeight } = byId("map");
    const fit = this.fitScale(clientWidth, clientHeight);
    const scale = Math.min(fit * 80, Math.max(fit * 0.8, this.scale * factor));
    const grown = scale / this.scale;
    this.scale = scale;
    this.pan(x - x * grown, y - y * grown);
  },
};

export function screenBox([west, south, east, north], { kx, ky, x0, y0 }) {
  return [west * kx + x0, y0 - north * ky, (east - west) * kx, (north - south) * ky];
}
