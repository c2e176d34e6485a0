// Everything that the page has words in, with these words: texts, labels, titles and hints, whether they are on the screen or not. What the service itself tells about a case is not the page's.
(() => {
    const said = [['title', document.title]];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (!node.parentElement.closest('#paper-text, noscript') && node.data.trim()) said.push([node.parentElement.outerHTML.slice(0, 120), node.data.trim()]);
    }
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
        for (const element of document.querySelectorAll(`[${name}]`)) said.push([`${name} of ${element.id || element.className}`, element.getAttribute(name)]);
    }
    return said;
})()
