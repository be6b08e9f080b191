/** Every sentence of the page in German. */

import { maxPixels } from '../limits.js';
import { examples, fewLabels, numbers, path, readable, sentenceCase } from './words.js';

const { whole, one, megabytes, gigabytes, wholePercent, score, duration } = numbers('de');

const photos = (/** @type {number} */ n) => `${whole(n)} ${n === 1 ? 'Foto' : 'Fotos'}`;

/** What the engine remarks on itself, in its own words. @type {Record<string, string>} */
const engineNotes = {
  'the page is not cross-origin isolated': 'die Seite ist nicht von anderen Ursprüngen abgeschottet',
  'this browser shares no memory between threads': 'dieser Browser teilt keinen Speicher zwischen Threads',
  'this browser starts no worker from a worker': 'dieser Browser startet keinen Worker aus einem Worker',
  'simd: this browser has no WebAssembly SIMD': 'dieser Browser kennt kein WebAssembly-SIMD',
  'one thread, since more failed': 'ein Thread, weil mehrere scheiterten',
};

/** @type {typeof import('./en.js').texts} */
export const texts = {
  title: 'Hamster: Was ist auf dem Foto?',
  name: 'Hamster',
  language: 'Sprache',
  heading: 'Was ist auf dem Foto?',
  lead: 'Zeig Hamster ein Foto, und er sagt dir, was er sieht.',
  noScript: 'Hamster läuft in deinem Browser und braucht dafür JavaScript. Bitte erlaube es für diese Seite.',

  choose: 'Fotos wählen',
  drop: 'Fotos hier ablegen oder eins einfügen',
  dropNow: 'Loslassen, und Hamster sieht es sich an',
  place: 'Hier erscheint dein Foto',
  takePhoto: 'Foto aufnehmen',
  live: 'Kamera',
  more: 'Mehr',
  folder: 'Ein Ordner mit Fotos',
  paste: 'Aus der Zwischenablage einfügen',
  pasteHint: 'oder überall Strg+V drücken',
  address: 'Adresse eines Fotos',
  fetch: 'Holen',
  samples: 'Oder probier eins',
  sampleNames: { chelsea: 'Eine Katze', coffee: 'Eine Tasse Kaffee', rocket: 'Eine Rakete', astronaut: 'Eine Astronautin' },
  sample: (name) => `Das Beispielfoto probieren: ${name}`,
  photo: (name) => (name ? `Dein Foto, ${name}` : 'Dein Foto'),
  nothingToPaste: { title: 'In der Zwischenablage ist kein Foto.', hint: 'Kopiere zuerst ein Bild und füge es dann hier ein.' },
  pasteRefused: { title: 'Der Browser lässt Hamster nicht in die Zwischenablage sehen.', hint: 'Drücke Strg+V, auf dem Mac ⌘V: Das geht immer.' },
  unreadable: { title: 'Das ließ sich nicht lesen.', hint: 'Vielleicht wurde es inzwischen verschoben, gelöscht oder abgezogen, oder es liegt noch nicht auf diesem Gerät. Wähle es neu aus.' },
  noPhotosThere: { title: 'Darin sind keine Fotos.', hint: 'JPEG, PNG, GIF, WebP und BMP sind alle recht.' },
  addressFailure: (trouble, host, status) => {
    switch (trouble) {
      case 'invalid':
        return { title: 'Das ist keine Adresse eines Fotos.', hint: 'Sie sollte mit https:// beginnen und zu einem Bild führen.' };
      case 'policy':
        return {
          title: 'Diese Seite darf mit keinem anderen Server sprechen.',
          hint: `Genau das hält deine Fotos hier, und es gilt auch für ${host}. Kopiere das Bild dort und füge es hier ein, oder zieh es aus seinem Fenster herüber.`,
        };
      case 'cors':
        return {
          title: `${host} gab das Foto nicht heraus.`,
          hint: 'Die meisten Server lassen andere Seiten ihre Fotos nicht lesen (CORS), oder dort ist nichts. Kopiere das Bild und füge es hier ein, oder speichere es und wähle die Datei aus.',
        };
      case 'status':
        return { title: 'Unter dieser Adresse ist kein Foto.', hint: `${host} antwortete mit Status ${status}.` };
      case 'unreachable':
        return { title: 'Das Foto ließ sich nicht holen.', hint: `Von ${host} kam nichts. Prüfe die Adresse und die Verbindung.` };
    }
  },

  guesses: 'Beste Vermutungen',
  tellsApart: 'Dieses Modell unterscheidet',
  classesWaiting: 'Einen Moment, es ist unterwegs.',
  showAll: 'Alle zeigen',
  findClass: 'Eine finden',
  classesFound: (found, all) => (found === all ? `${whole(all)} insgesamt` : `${whole(found)} von ${whole(all)}`),
  noClassFound: 'Keine dieses Namens',
  retry: 'Noch einmal',
  notSure: 'unsicher',
  perhaps: (label) => `Vielleicht ${label}`,
  whyHint: 'Ein Druck auf eine zeigt, warum.',
  copyText: 'Text kopieren',
  copyJSON: 'JSON kopieren',
  copied: 'Kopiert.',
  notCopied: 'Der Browser ließ Hamster das nicht kopieren.',
  label: (label) => sentenceCase(readable(label)),
  score,
  duration,
  asText: (photo, predictions, by) => [
    photo || 'Ein Foto',
    ...predictions.map(({ id, label, score: value }) => `${score(value).padStart(9)}  ${readable(label)}${id && id !== label ? ` (${id})` : ''}`),
    by,
  ].join('\n'),

  explaining: 'Sucht, was dafür sprach…',
  explainingShare: (share) => `Verdeckt einen Teil nach dem anderen: ${wholePercent(share)}`,
  explainingLong: (label) => `Sucht, was für ${readable(label)} sprach. Das dauert; Escape hält es an.`,
  explainingStopped: 'Angehalten. Ein Druck auf eine Vermutung sucht von Neuem.',
  stop: 'Anhalten',
  explained: (label) => `Was hell ist, sprach für: ${readable(label)}`,
  whyFailed: 'Was dafür sprach, ließ sich nicht herausfinden.',

  engineNote: (note) => {
    const [words, detail] = note in engineNotes ? [note] : note.split(/: (.*)/s);
    return `${engineNotes[words] ?? words}${detail ? `: ${detail}` : ''}`;
  },
  howItWent: 'Wie es lief',
  engine: 'Rechenwerk',
  threads: 'Threads',
  scaling: 'Skalierung',
  decode: 'Lesen',
  preprocess: 'Verkleinern',
  run: 'Nachdenken',
  modes: { keras: 'nächster Bildpunkt, wie in Keras', quality: 'weich, aufrecht' },

  connecting: 'Wacht auf…',
  progress: ({ stage, done, total }) => {
    if (stage === 'prepare') return 'Packt das Modell aus…';
    if (stage === 'wait') return 'Ein anderer Tab holt das Modell…';
    if (stage === 'read') return `Liest das Modell von diesem Gerät: ${megabytes(done)} von ${megabytes(total)} MB`;
    if (!total) return `Holt das Modell: ${megabytes(done)} MB`;
    return `Holt das Modell: ${megabytes(done)} von ${megabytes(total)} MB`;
  },
  progressWithPhoto: ({ stage, done, total }) => {
    if (stage !== 'fetch' || !total) return 'Dein Foto ist als Nächstes dran…';
    return `Dein Foto ist als Nächstes dran: ${megabytes(done)} von ${megabytes(total)} MB`;
  },
  ready: 'Bereit.',
  looking: 'Sieht genau hin…',
  done: (milliseconds) => `Antwort nach ${duration(milliseconds)}.`,

  cameraStarting: 'Öffnet die Kamera…',
  cameraLive: 'Sieht durch die Kamera.',
  cameraPaused: 'Pause, solange niemand zusieht.',
  freeze: 'Festhalten',
  unfreeze: 'Wieder live',
  switchCamera: 'Kamera wechseln',
  closeCamera: 'Kamera schließen',
  frozen: 'Ein festgehaltener Moment',
  rate: (rate, latency) => `${one(rate)} Bilder/s · ${duration(latency)}`,
  cameraFailure: (trouble) => {
    switch (trouble) {
      case 'refused':
        return { title: 'Die Kamera wurde nicht erlaubt.', hint: 'Das Zeichen neben der Adresse erlaubt sie wieder. Fotos gehen trotzdem.' };
      case 'missing':
        return { title: 'Hier ist keine Kamera.', hint: 'Schließe eine an und versuch es noch einmal, oder wähle ein Foto.' };
      case 'busy':
        return { title: 'Die Kamera ist beschäftigt.', hint: 'Vielleicht nutzt sie ein anderes Programm. Schließe es und versuch es noch einmal.' };
      case 'lost':
        return { title: 'Die Kamera ist weg.', hint: 'Sie wurde mittendrin ausgesteckt oder abgezogen. Schließe sie an und versuch es noch einmal.' };
      case 'insecure':
        return { title: 'Die Kamera braucht eine sichere Seite.', hint: 'Browser geben sie nur Seiten, die über https kommen.' };
      case 'unknown':
        return { title: 'Die Kamera startet nicht.', hint: 'Versuch es noch einmal, oder wähle ein Foto.' };
    }
  },

  allPhotos: 'Alle Fotos',
  resume: 'Weiter',
  saveCSV: 'CSV sichern',
  saveJSON: 'JSON sichern',
  addPhotos: 'Dazu',
  closeMany: 'Schließen',
  filterClass: 'Zeige',
  filterScore: 'Mindestens',
  sortBy: 'Reihenfolge',
  everything: 'Alles',
  unsure: 'Unsicher',
  failed: 'Nicht lesbar',
  waiting: 'Noch offen',
  sorts: { arrival: 'Wie gekommen', name: 'Nach Name', label: 'Nach Klasse', surest: 'Sicherste zuerst', unsurest: 'Unsicherste zuerst' },
  percent: wholePercent,
  classCount: (label, count) => `${label} (${whole(count)})`,
  photos,
  noneMatches: 'Keins der Fotos ist so.',
  manyProgress: (done, all, left) => `${whole(done)} von ${photos(all)}${left > 1500 ? ` · noch etwa ${duration(left)}` : ''}`,
  manyStopped: (done, all) => `Angehalten bei ${whole(done)} von ${photos(all)}.`,
  manyDone: (done, failed, milliseconds) =>
    `${photos(done)} in je ${duration(milliseconds)}${failed ? `; ${whole(failed)} nicht lesbar` : ''}.`,
  leftOut: (count) => `${whole(count)} ${count === 1 ? 'Datei war' : 'Dateien waren'} kein Foto und blieb${count === 1 ? '' : 'en'} weg.`,
  tileWaiting: 'wartet',
  tile: (name, said) => `${name}: ${said}`,

  model: 'Modell',
  onServer: 'Auf diesem Server',
  onDevice: 'Auf diesem Gerät',
  yourOwn: 'Dein eigenes',
  openModel: 'Ein eigenes Modell öffnen',
  modelFile: 'ONNX-Datei',
  labelsFile: 'Seine Klassen als Textdatei (falls das Modell sie nicht nennt)',
  open: 'Öffnen',
  cardClasses: 'Klassen',
  cardSize: 'Größe',
  cardLicence: 'Lizenz',
  cardSource: 'Quelle',
  cardInput: 'Eingabe',
  cardOperators: 'Operatoren',
  notSaid: 'nicht genannt',
  input: (width, height) => `${whole(width)} × ${whole(height)} Pixel`,
  count: whole,
  classes: (labels) => {
    if (labels.length <= fewLabels) return `${labels.map(({ label }) => readable(label)).join(', ')}.`;
    return `${whole(labels.length)} Arten von Dingen, zum Beispiel ${examples(labels).join(', ')}.`;
  },
  areMany: (labels) => labels.length > fewLabels,

  remove: 'Entfernen',
  removeNamed: (name) => `${name} von diesem Gerät entfernen`,
  kept: ({ state, reason, fetched }) => {
    if (state === 'kept') return `${megabytes(fetched)} MB einmal geladen, auf diesem Gerät behalten.`;
    if (state === 'single') return 'Dieses Modell kam als eine Datei und wird nicht behalten: Es wird jedes Mal neu geholt.';
    switch (reason) {
      case 'store-full':
        return 'Auf diesem Gerät ist kein Platz für das Modell: Es geht jetzt und wird nächstes Mal neu geholt.';
      case 'store-missing':
      case 'store-refused':
        return 'Dieser Browser behält nichts für diese Seite: Das Modell geht jetzt und wird nächstes Mal neu geholt.';
      case 'store-blocked':
      case 'store-newer':
        return 'In einem anderen Tab ist eine andere Version von Hamster offen. Schließe ihn und lade diesen neu, dann wird das Modell behalten.';
      default:
        return 'Das Modell ließ sich auf diesem Gerät nicht behalten: Es geht jetzt und wird nächstes Mal neu geholt.';
    }
  },
  removed: 'Entfernt. Was geladen ist, geht, bis du die Seite schließt; danach wird es neu geholt.',
  notRemoved: 'Das ließ sich nicht entfernen. Versuch es nach einem Neuladen der Seite noch einmal.',
  keptModel: ({ name, version, complete = true }) => `${readable(name) || 'Ein Modell'}${version ? ` ${version}` : ''}${complete ? '' : ' (noch nicht ganz)'}`,
  size: (bytes) => `${megabytes(bytes)} MB`,
  room: (usage, quota) => `Hamster belegt ${megabytes(usage)} MB von ${gigabytes(quota)} GB, die dieser Browser gewährt.`,
  newVersion: 'Eine neue Version von Hamster ist da.',
  reload: 'Jetzt nutzen',

  privacy: 'Deine Fotos bleiben hier',
  privacyShort: '0 Byte deiner Fotos haben dieses Gerät verlassen',
  sent: (bytes) => (bytes === 0 ? texts.privacyShort : `Diese Seite hat ${whole(bytes)} Byte gesendet`),
  counted: (requests, bytes, isHeard) => `Anfragen dieser Seite${isHeard ? ' und ihres Workers' : ''} werden beim Absenden gezählt: bisher ${whole(requests)}${
    bytes === 0 ? ', um die Seite und das Modell zu holen' : ''}. Mitgesendeter Inhalt: ${bytes === 0 ? 'keiner' : `${whole(bytes)} Byte`}. ${
    isHeard ? '' : 'Die ihres Workers verrät dieser Browser nicht. '}Kopien der Seite für Zeiten ohne Netz werden außerdem geholt.`,
  policyKnown: 'Und dein Browser setzt diese Regel durch, was auch immer der Code der Seite sagt: Jedes Bild, jedes Skript, jede Anfrage und jeder Socket geht an ihren eigenen Server allein. WebRTC und der Wechsel auf andere Seiten liegen außerhalb einer solchen Regel; Hamster tut beides nicht.',
  policyOpen: 'Die Regel dieses Servers lässt die Seite auch mit anderen sprechen, damit sie Fotos von dort holen kann:',
  policyNone: 'Dieser Server sendet keine Regel, die es durchsetzt.',
  licence: 'Lizenz',
  notice: 'Woraus Hamster gebaut ist',

  announceReady: ({ labels }) => `Bereit. ${texts.tellsApart}: ${texts.classes(labels)}`,
  announceAnswer: (predictions, isUnsure) => {
    const [best, ...rest] = predictions.map(({ label, score: value }) => `${readable(label)} ${score(value)}`);
    return `${isUnsure ? 'Unsicher. ' : ''}Beste Vermutung: ${best}.${rest.length ? ` Dann ${rest.join(', ')}.` : ''}`;
  },
  announceFailure: ({ title, hint }) => `${title} ${hint}`,

  failure: (error) => {
    const { url, status, width = 0, height = 0, format = '', done = 0, total = 0 } = error.details;
    const file = path(url) || 'eine Datei';
    /** What a file is guilty of comes from Go, in English. @param {string} words */
    const inDetail = (words) => `${words} Im Einzelnen, auf Englisch: ${error.message}.`;
    switch (error.code) {
      case 'image-empty':
        return { title: 'Die Datei ist leer.', hint: 'Sie hat 0 Byte. Vielleicht wurde sie nicht ganz kopiert; versuch eine andere.' };
      case 'image-not':
        switch (format) {
          case 'video': return { title: 'Das ist ein Video und kein Foto.', hint: 'Speichere ein Bild daraus und zeig das; oder nimm die Kamera.' };
          case 'PDF': return { title: 'Das ist ein PDF und kein Foto.', hint: 'Speichere das Bild darin als JPEG oder PNG und zeig das.' };
          case 'SVG': return { title: 'Das ist eine Zeichnung (SVG) und kein Foto.', hint: 'Speichere sie als PNG und zeig das.' };
        }
        return { title: 'Das ist kein Foto.', hint: 'Was auch ihr Name sagt, in der Datei ist kein Bild. JPEG, PNG, GIF, WebP und BMP sind alle recht.' };
      case 'image-too-large':
        return {
          title: 'Das Foto ist zu groß zum Lesen.',
          hint: `Es misst ${whole(width)} × ${whole(height)} Pixel; bis ${whole(maxPixels / 1e6)} Megapixel gehen hier. Eine kleinere Kopie tut es genauso.`,
        };
      case 'image-damaged':
        return { title: 'Das Foto ist beschädigt.', hint: `Es beginnt wie ein ${format} und ergibt dann keinen Sinn. Versuch eine andere Kopie davon.` };
      case 'image-unsupported':
        return { title: `Dieser Browser kann keine ${format}-Fotos öffnen.`, hint: 'Speichere es als JPEG oder PNG und versuch das.' };
      case 'image-unreachable':
        return { title: 'Das Foto ließ sich nicht holen.', hint: 'Prüfe die Verbindung und versuch es noch einmal.' };
      case 'image-unreadable':
        return texts.unreadable;
      case 'image-invalid':
        return { title: 'Das Foto ließ sich nicht lesen.', hint: inDetail('Seine Maße und seine Bildpunkte widersprechen sich.') };
      case 'image-tainted':
        return { title: 'Das Bild gehört einer anderen Seite, und diese hier darf es nicht lesen.', hint: 'Sein Server müsste es erlauben (CORS). Speichere es auf diesem Gerät und wähle die Datei aus.' };
      case 'source-invalid':
        return { title: 'Das kann sich Hamster nicht ansehen.', hint: inDetail('Es ist weder ein Foto noch ein Video.') };
      case 'model-missing':
        return { title: 'Hier ist noch kein Modell.', hint: `Der Server hat nichts unter ${file}. Wenn es deiner ist, rufe „hamster model get“ auf und starte ihn neu.` };
      case 'model-unreachable':
        return {
          title: 'Das Modell ließ sich nicht holen.',
          hint: status ? `Der Server antwortete bei ${file} mit Status ${status}. Versuch es gleich noch einmal.` : 'Prüfe die Verbindung und versuch es noch einmal.',
        };
      case 'model-html':
        return { title: 'Der Server schickte statt des Modells eine Webseite.', hint: `Unter ${file} sollte eine ONNX-Datei sein. Die Einstellungen des Servers brauchen einen Blick.` };
      case 'model-truncated':
        return {
          title: 'Das Modell kam nicht ganz an.',
          hint: total ? `${megabytes(done)} von ${megabytes(total)} MB kamen. Versuch es noch einmal.` : 'Die Verbindung brach ab. Versuch es noch einmal.',
        };
      case 'model-damaged':
        return { title: 'Das Modell kam beschädigt an.', hint: `Was der Server als ${file} schickt, ist nicht, was es sein sollte; Hamster nimmt es nicht. Versuch es gleich noch einmal.` };
      case 'model-too-large':
        return { title: 'Das Modell ist zu groß für einen Browser.', hint: `Es hat ${megabytes(total)} MB.` };
      case 'model-not-onnx':
        return { title: 'Die Datei ist kein ONNX-Modell.', hint: inDetail('Hamster liest Modelle im Format ONNX; die meisten anderen lassen sich darin speichern.') };
      case 'model-unsupported':
        return { title: 'Das Modell braucht etwas, das Hamster nicht kann.', hint: inDetail('Einer seiner Rechenschritte ist hier unbekannt. Versuch ein anderes Modell.') };
      case 'model-invalid':
        return { title: 'Das Modell ist nicht zu gebrauchen.', hint: inDetail('Es ist beschädigt, oder es ordnet keine Bilder in Klassen ein.') };
      case 'labels-invalid':
        return { title: 'Diese Namen passen nicht zum Modell.', hint: inDetail('Es braucht für jede Klasse einen Namen, in jeder Zeile einen.') };
      case 'engine-unsupported':
        return { title: 'In diesem Browser läuft Hamster nicht.', hint: 'Ihm fehlen WebAssembly oder Worker. Ein aktueller Chrome, Edge, Firefox oder Safari hat sie.' };
      case 'engine-missing':
        return { title: 'Ein Teil von Hamster kam nicht an.', hint: `${sentenceCase(file)} fehlt oder ist kaputt. Versuch es noch einmal, oder lade die Seite neu.` };
      case 'engine-stopped':
        return { title: 'Hamster blieb mitten in der Arbeit stehen.', hint: 'Vielleicht ging diesem Gerät der Speicher aus. Versuch es noch einmal: Er fängt neu an.' };
      case 'store-missing':
      case 'store-refused':
      case 'store-full':
      case 'store-blocked':
      case 'store-newer':
      case 'store-failed':
        return { title: 'Auf diesem Gerät lässt sich nichts behalten.', hint: inDetail('Das Modell geht trotzdem und wird nächstes Mal neu geholt.') };
      default:
        return { title: 'In Hamster ging etwas schief.', hint: inDetail('Lade die Seite neu und versuch es noch einmal.') };
    }
  },
};
