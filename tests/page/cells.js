// Shows the page a city in which every one of 40,000 cells has open cases, and measures how long its own drawing takes.
(() => {
    page.stream.source.close();
    const { bounds, ...city } = page.town.city;
    const [west, south, east, north] = bounds;
    const cells = Array.from({ length: 40_000 }, (_, i) => {
        const [w, h] = [(east - west) / 200, (north - south) / 200];
        const [x, y] = [west + (i % 200) * w, south + Math.floor(i / 200) * h];
        const open = 1 + (i * 7919) % 23;
        return { cell: String(310115000000000 + i), box: [x, y, x + w, y + h], open, urgent: Number(i % 9 === 0), waiting: 0, review: 0 };
    });
    const names = { areas: [...page.town.areas.values()], classes: [], departments: [], cases: [], sources: [], budgets: [] };
    const began = performance.now();
    page.takeSnapshot({ version: 1, at: 1, city: { ...city, bounds }, ...names, cells });
    const folded = performance.now() - began;
    const map = document.querySelector('#map');
    const draw = () => {
        const began = performance.now();
        page.panels.get('map')();
        // Reading a point back makes the canvas paint what it was told.
        map.getContext('2d').getImageData(0, 0, 1, 1);
        return performance.now() - began;
    };
    const far = Array.from({ length: 15 }, draw);
    page.view.zoom(6);
    const near = Array.from({ length: 15 }, draw);
    const least = (times) => Math.min(...times);
    return { folded, far: least(far), near: least(near), size: page.town.cells.size };
})()
