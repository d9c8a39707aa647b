/** Alles, was die Seite sagt, auf Deutsch. */

import type { Messages } from "./en";

const count = (n: number, one: string, many: string) => `${n.toLocaleString("de")} ${n === 1 ? one : many}`;

export const de: Messages = {
  name: "Sightline",
  tagline: "Ein Satz genügt, um das Bild zu finden.",
  tryAgain: "Noch einmal versuchen",
  close: "Schließen",
  undo: "Rückgängig",
  cancel: "Abbrechen",
  skip: "Zu den Bildern",
  unnamed: "Ein Bild ohne Beschreibung",
  title: (what) => `${what} · Sightline`,

  field: {
    label: "Was auf dem Bild zu sehen ist",
    placeholder: "Was ist auf dem Bild zu sehen?",
    placeholderMore: "und …",
    clear: "Leeren",
    keep: "Weiteren Begriff hinzufügen",
    picture: "Mit einem eigenen Bild suchen",
    pictureDrop: "Mit diesem Bild suchen",
    pictureFailed: (why) => `Mit diesem Bild lässt sich nicht suchen: ${why}.`,
    pictureReading: "Das Bild wird gelesen …",
    suggestions: "Vorschläge",
    forget: (text) => `„${text}“ vergessen`,
    terms: "Begriffe",
  },
  term: {
    like: "dieses Bild",
    vector: "eigenes Bild",
    weight: (weight) =>
      weight <= -1
        ? "auf keinen Fall"
        : weight < 0
          ? "nicht"
          : weight < 1
            ? "weniger"
            : weight > 1
              ? "mehr"
              : "",
    describe: (name, weight) => `${weight} ${name}: diesen Begriff ändern oder entfernen`.trim(),
    menu: (name) => `Gewicht von ${name}`,
    levels: { "-1": "Auf keinen Fall", "-0.5": "Nicht", "0.5": "Weniger", "1": "Normal", "2": "Mehr" },
    edit: "Ändern",
    remove: "Entfernen",
  },
  mode: {
    label: "Suchen nach",
    vector: "Aussehen",
    text: "Wörtern",
    hybrid: "beidem",
    explain: {
      vector: "nach dem, was die Bilder zeigen",
      text: "nach Wörtern in Beschreibungen, Schlagwörtern und Dateinamen",
      hybrid: "nach dem, was sie zeigen, und nach Wörtern",
    },
  },
  filters: {
    tools: "Wie und wo gesucht wird",
    label: "Filter",
    tags: "Schlagwörter",
    tagPlaceholder: "Schlagwort",
    folder: "Ordner",
    orientation: "Ausrichtung",
    withText: "Mit Text",
    any: "Alle",
    landscape: "Querformat",
    portrait: "Hochformat",
    square: "Quadratisch",
    taken: "Aufgenommen",
    added: "Hinzugefügt",
    from: (what) => `${what} ab`,
    to: (what) => `${what} bis`,
    size: "Breite",
    atLeast: (pixels) => `mindestens ${pixels} px`,
    remove: (what) => `Filter ${what} entfernen`,
    clear: "Alle Filter entfernen",
  },
  home: {
    pictures: (n) => `${count(n, "Bild", "Bilder")}. Zum Beispiel`,
    // The model reads English.
    examples: ["a dog on the beach", "people around a table", "a red car", "flowers"],
    hint: "Oder ein Bild auf das Feld ziehen, um ähnliche zu finden. Das Modell versteht Englisch.",
    latest: "Neueste",
    all: (n) => `Alle ${n} Bilder`,
    bin: "Papierkorb",
    library: "Bibliothek",
    status: "Status",
    help: "Tastatur und Hilfe",
    language: "Sprache",
  },
  browse: {
    all: "Alle Bilder",
    order: "Sortiert nach",
    added: "Hinzugefügt",
    taken: "Aufnahmedatum",
    years: "Jahre",
    everyYear: "Alle Jahre",
    inYear: (n, count) => `${n} ${count === 1 ? "Bild" : "Bilder"}`,
  },
  wall: {
    heading: (what) => `Bilder zu ${what}`,
    searching: "Suche läuft",
    slow: "Die Suche läuft noch …",
    noEncoder: "Der Encoder antwortet nicht. Es wird auf ihn gewartet …",
    showing: (n) => (n === 1 ? "Der beste Treffer" : `Die ${count(n, "besten Treffer", "besten Treffer")}`),
    showingUnsure: (n) =>
      `Kein klarer Treffer; gezeigt ${n === 1 ? "wird das ähnlichste Bild" : `werden die ${n} ähnlichsten Bilder`}`,
    none: "Nichts gefunden",
    unsure: "Kein klarer Treffer. Diese Bilder kommen am nächsten.",
    unjudged: "Nach Ähnlichkeit sortiert. Treffer zwischen Bildern werden nicht bewertet.",
    further: "Weniger sichere Bilder zeigen",
    listing: (n) => (n === 1 ? "Ein Bild" : `${n.toLocaleString("de")} Bilder, die neuesten zuerst`),
    lessCertain: "Ab hier weniger sicher",
    truncated: "Der Satz ist länger, als das Modell lesen kann; sein Ende blieb unbeachtet.",
    select: "Auswählen",
    alike: "Ähnliche Bilder",
    add: "Zur Suche hinzufügen",
    away: "Nicht so etwas",
    of: (action, name) => `${action}: ${name}`,
    rest: "Die übrigen Bilder konnten nicht geladen werden.",
  },
  kept: {
    title: "Gemerkte Suchen",
    keepThis: "Suche merken",
    keep: "Merken",
    name: "Name der Suche",
    menu: (name) => `Gemerkte Suche ${name}`,
    rename: "Umbenennen",
    remove: "Entfernen",
    notDone: (why) => `Nicht ausgeführt: ${why}.`,
  },
  adding: {
    open: "Bilder hinzufügen",
    label: "Bilder werden hinzugefügt",
    files: "Bilder wählen",
    folder: "Einen Ordner wählen",
    drop: "Zur Sammlung hinzufügen",
    dropHint: "Oder Dateien oder einen Ordner irgendwo auf die Seite ziehen.",
    progress: (done, all) => `${done.toLocaleString("de")} von ${all.toLocaleString("de")}`,
    done: (items) => {
      const of = (state: string) => items.filter((item) => item.state === state).length;
      const n = (state: string) => of(state).toLocaleString("de");
      return (
        [
          of("added") > 0 ? `${n("added")} hinzugefügt` : "",
          of("exists") > 0 ? `${n("exists")} schon vorhanden` : "",
          of("failed") > 0 ? `${n("failed")} fehlgeschlagen` : "",
          of("cancelled") > 0 ? `${n("cancelled")} abgebrochen` : "",
          of("skipped") > 0 ? count(of("skipped"), "kein Bild", "keine Bilder") : "",
        ]
          .filter(Boolean)
          .join(", ") || "Nichts hinzugefügt"
      );
    },
    undone: (n) => `${count(n, "Bild", "Bilder")} in den Papierkorb gelegt.`,
    failed: (n) => `Hinzufügen: ${count(n, "Datei", "Dateien")} fehlgeschlagen`,
    states: {
      waiting: "wartet",
      sending: "wird gesendet",
      working: "wird verarbeitet",
      added: "hinzugefügt",
      exists: "schon vorhanden",
      failed: "fehlgeschlagen",
      cancelled: "abgebrochen",
      skipped: "kein Bild",
    },
    retry: (name) => `${name} noch einmal versuchen`,
    retryAll: "Fehlgeschlagene wiederholen",
    cancel: (name) => `${name} abbrechen`,
    cancelAll: "Den Rest abbrechen",
    clear: "Liste leeren",
    started: (n) => `${count(n, "Bild wird", "Bilder werden")} hinzugefügt`,
    left: (n) => `Noch ${n.toLocaleString("de")} hinzuzufügen`,
    noPictures: "Unter diesen Dateien ist kein Bild.",
    more: (n) => `und ${n.toLocaleString("de")} weitere`,
    show: (name) => `${name} zeigen`,
  },
  states: {
    emptyTitle: "Hier sind noch keine Bilder.",
    emptyAdd: "Bilder oder einen Ordner irgendwo auf diese Seite ziehen, oder",
    emptyTerminal: "einen Ordner im Terminal hinzufügen:",
    emptyNotice: "Sie lassen sich finden, sobald sie hinzugefügt sind; diese Seite merkt es von selbst.",
    nothing: "Nichts gefunden.",
    nothingTry:
      "Versuchen Sie es mit anderen Wörtern: Beschreiben Sie, was zu sehen ist, wie am Telefon. Das Modell versteht Englisch.",
    nothingFiltered: "Kein Bild passt zu den Filtern.",
    nothingWords:
      "Keine Beschreibung, kein Schlagwort und kein Dateiname enthält diese Wörter. Stattdessen suchen nach:",
    nothingAlike: "Es gibt nichts anderes, womit es sich vergleichen ließe.",
    unknownTitle: "Diese Seite gibt es nicht.",
    unknown: "Vielleicht ist die Adresse falsch geschrieben oder veraltet.",
    toFront: "Zur Startseite",
    failed: "Sightline konnte nicht antworten.",
    silent: "Der Server antwortet nicht. Vielleicht ist er angehalten oder nicht erreichbar.",
    offline: "Dieses Gerät ist offline.",
    offlineWhy: "Die Seite macht von selbst weiter, sobald es eine Verbindung gibt.",
    goesOn: "Die Suche geht von selbst weiter, sobald es möglich ist.",
    safe: "Den Bildern ist nichts passiert.",
    crashed: "Die Seite funktioniert nicht mehr.",
    crashedWhy: "Den Bildern ist nichts passiert; nur die Seite hat einen Fehler.",
    reload: "Neu laden",
  },
  key: {
    title: "Diese Sammlung verlangt einen Schlüssel.",
    explain: "Ihr Verwalter erstellt einen mit",
    keep: "Dieser Browser merkt ihn sich.",
    label: "API-Schlüssel",
    go: "Weiter",
    unknown: "Dieser Schlüssel ist hier nicht gültig.",
    failed: "Der Schlüssel konnte nicht geprüft werden. Bitte noch einmal versuchen.",
  },
  access: {
    title: "Angemeldete Browser",
    unknown: "Unbekannter Browser",
    days: (since: string, seen: string) => `seit ${since}, zuletzt gesehen ${seen}`,
    end: "Abmelden",
    leave: "Abmelden",
    stayed: "Dieser Browser konnte nicht abgemeldet werden. Bitte noch einmal versuchen.",
  },
};
