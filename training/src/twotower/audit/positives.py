"""False negatives: pictures that fit a caption which is not theirs, by words, by meaning, and by a model that looks."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from tqdm import tqdm

from twotower.audit.corpus import Corpus, drawn
from twotower.audit.measures import Example, Measure, Value, mean, share
from twotower.audit.neighbours import STEPS, Neighbours
from twotower.evaluate import Embedder
from twotower.metrics import Array, text_to_image_ranks
from twotower.queries import pictures_by_word
from twotower.texts import words_of

# As many as the usual test sets have: the number of other pictures that fit grows with the gallery.
GALLERY = 1000
# From this cosine on, two captions say much the same, and the pictures could be exchanged.
ALIKE = STEPS[0]
# From this one on, they are one caption in other words.
SAME = STEPS[-1]


def repeated_captions(corpus: Corpus) -> dict[str, list[int]]:
    """Captions that stand under several pictures, by their words: the rows of the captions."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, tokens in enumerate(corpus.tokens):
        rows[" ".join(tokens)].append(i)
    return {key: own for key, own in rows.items() if len({int(corpus.owner[i]) for i in own}) > 1}


def repeated(corpus: Corpus) -> Measure:
    """Captions that stand under several pictures."""
    shared = repeated_captions(corpus)
    pictures = {key: sorted({int(corpus.owner[i]) for i in rows}) for key, rows in shared.items()}
    hits = np.zeros(len(corpus.texts), bool)
    hits[[i for rows in shared.values() for i in rows]] = True
    most = sorted(pictures, key=lambda key: (-len(pictures[key]), key))
    return Measure(
        "repeated",
        "One caption, several pictures",
        "Share of captions whose words stand, in the same order, under another picture too.",
        "As a query such a caption has several right answers, and the evaluation counts all but one as mistakes.",
        (
            share("captions under several pictures", hits, corpus.owner, "0.04 % and 1.35 %"),
            Value("most pictures of one caption", max(map(len, pictures.values()), default=1), beside="7 in Flickr8k"),
        ),
        tuple(Example(f"“{key}”", tuple(pictures[key][:6])) for key in most[:12]),
        advice="Every loss here takes a text that two pictures own as true of both.",
    )


def by_words(corpus: Corpus) -> Measure:
    """Other pictures whose captions hold all that a caption says."""
    words = [frozenset(words_of(text)) for text in corpus.texts]
    holders = pictures_by_word(corpus.captions)
    others = np.array(
        [len(set.intersection(*(holders[w] for w in found))) - 1 if found else 0 for found in tqdm(words, leave=False)]
    )
    most = [int(i) for i in np.argsort(-others, kind="stable")[:10] if others[i]]
    return Measure(
        "positives-words",
        "Pictures that fit, by words",
        "Pictures whose captions, taken together, hold every content word of a caption that is not theirs. Certain in "
        "the words and blind to meaning: “dogs” is not “dog”, and the words may belong to different things.",
        "Training pushes such a picture away from the caption, and evaluation counts it as a mistake.",
        (
            share("captions that fit another picture", others > 0, corpus.owner),
            mean("pictures a caption fits", 1 + others, corpus.owner),
        ),
        tuple(
            Example(
                f"“{corpus.texts[i]}”: {others[i]} others",
                (int(corpus.owner[i]), *fitting(words[i], holders, i, corpus)),
            )
            for i in most
        ),
        advice="`ignore_by_words` (on) keeps such pictures from being counterexamples to texts of up to four words; "
        "`twotower.evaluate` counts all of them as right for keywords and phrases.",
    )


def fitting(words: frozenset[str], holders: dict[str, set[int]], caption: int, corpus: Corpus) -> list[int]:
    """A few other pictures that hold all the words."""
    return sorted(set.intersection(*(holders[w] for w in words)) - {int(corpus.owner[caption])})[:5]


def by_meaning(corpus: Corpus, found: Neighbours) -> Measure:
    """Other pictures of which a caption says the same in other words."""
    values = [
        mean(
            f"pictures a caption fits, cosine {step:.1f} or more",
            1 + found.counts[:, k],
            corpus.owner,
            beside="8.5 images a caption in COCO's 5,000, judged by people" if step == ALIKE else "",
        )
        for k, step in enumerate(STEPS)
    ]
    values += [
        share(f"captions that fit another picture, cosine {step:.1f}", found.counts[:, k] > 0, corpus.owner)
        for k, step in enumerate(STEPS)
    ]
    several = ~np.isnan(found.sibling)
    if several.any():
        values += [
            share(
                f"captions with a sibling so near, cosine {step:.1f}",
                found.sibling[several] >= step,
                corpus.owner[several],
            )
            for step in STEPS
        ]
        values.append(
            share(
                "nearer to another picture's caption than to any sibling",
                found.elsewhere[several] >= found.sibling[several],
                corpus.owner[several],
            )
        )
    chance = np.random.default_rng(0)
    near = np.flatnonzero((found.elsewhere >= ALIKE) & (found.elsewhere < SAME))
    shown = chance.choice(near, min(12, len(near)), replace=False) if len(near) else near
    return Measure(
        "positives-meaning",
        "Pictures that fit, by meaning",
        "Pictures of which a caption has a cosine of 0.7, 0.8 or 0.9 to a caption that is not theirs, by sentence "
        "vectors (all-MiniLM-L6-v2). How often a caption has a sibling so near tells what a cosine is worth: at 0.7 "
        "most people who saw the same picture say something so alike. It is an estimate: nobody has judged Flickr30k's "
        "pairs. It grows with the number of pictures, and it judges by what is said, not by what is seen.",
        "The mistakes of a good model are often right answers, and the loss works against them. On COCO people found "
        "8.5 pictures for each caption where the data set knows one (ECCV Caption, Chun et al., 2022).",
        tuple(values),
        tuple(
            Example(
                f"“{corpus.texts[i]}” and “{corpus.texts[found.caption[i]]}” ({found.elsewhere[i]:.2f})",
                (int(corpus.owner[i]), int(found.picture[i])),
            )
            for i in shown
        ),
        advice="`ignore_by_meaning=0.7` keeps these from being counterexamples, `soft_targets` gives them a part of "
        "the target; the training log says what that brought.",
    )


def near_captions(corpus: Corpus, found: Neighbours) -> Measure:
    """Captions that another picture has in nearly the same words."""
    hits = found.elsewhere >= SAME
    pairs = sorted(
        {tuple(sorted((int(i), int(found.caption[i])))) for i in np.flatnonzero(hits)},
        key=lambda pair: (-found.elsewhere[pair[0]], pair),
    )
    differ = [(a, b) for a, b in pairs if corpus.tokens[a] != corpus.tokens[b]]
    return Measure(
        "near-captions",
        "Nearly the same caption, another picture",
        f"Share of captions with a cosine of {SAME} or more to a caption of another picture.",
        "These are repeated captions that a comparison of words does not find.",
        (share("captions with such a one", hits, corpus.owner),),
        tuple(
            Example(f"“{corpus.texts[a]}” and “{corpus.texts[b]}”", (int(corpus.owner[a]), int(corpus.owner[b])))
            for a, b in differ[:12]
        ),
    )


def by_towers(corpus: Corpus, vectors: Array, embedder: Embedder) -> list[Measure]:
    """What two towers say of pictures and captions, on some of the pictures: mistakes that are none, and mismatches.

    Args:
        corpus: with its pictures at hand.
        vectors: (C, D) sentence vectors of its captions.
        embedder: the two towers.
    """
    some, place = drawn(corpus, GALLERY)
    meaning = vectors[np.isin(corpus.owner, place)]
    texts, images = embedder.texts(some.texts), embedder.pictures(some.images)
    ranks = text_to_image_ranks(texts, images, some.owner)
    scores = texts @ images.T
    first = np.searchsorted(some.owner, np.arange(len(some.pictures)))
    words = [frozenset(words_of(text)) for text in some.texts]
    held = [frozenset(w for text in captions for w in words_of(text)) for captions in some.captions]
    fits = np.maximum.reduceat(meaning @ meaning.T, first, axis=1) >= ALIKE
    for i, own in enumerate(words):
        fits[i] |= [bool(own) and own <= other for other in held]
    everything = np.arange(len(some.texts))
    fits[everything, some.owner] = True
    ahead = (scores >= scores[everything, some.owner][:, None]) & fits
    best = scores.argmax(1)
    missed = ranks > 1
    excused = fits[everything, best]
    wrong = np.flatnonzero(missed & excused)
    chance = np.random.default_rng(0)
    shown = chance.choice(wrong, min(12, len(wrong)), replace=False) if len(wrong) else wrong
    worse = ranks > len(some.pictures) / 2
    values = [
        share("of mistakes, what came first fits by what is said of it", excused[missed], some.owner[missed]),
        share("captions whose own picture is not first", missed, some.owner),
        share("captions whose first picture fits", excused, some.owner),
        mean("pictures that fit and score as high as the own one", ahead.sum(1), some.owner),
    ]
    if not missed.any():
        values = values[1:]
    mistakes = Measure(
        "positives-towers",
        "Mistakes that are none",
        f"{len(some.pictures):,} pictures and all their captions, scored by two towers. A picture fits when its "
        f"captions hold all content words of the query, or one has a cosine of {ALIKE} to it. If the model was trained "
        "on these pictures, it makes fewer mistakes than it would on new ones.",
        "How much of the distance to 100 % is the model's, and how much the data set's.",
        tuple(values),
        tuple(
            Example(
                f"“{some.texts[i]}”: its own, and what came first", (int(place[some.owner[i]]), int(place[best[i]]))
            )
            for i in shown
        ),
        advice="Report mAP@R of keywords and phrases beside R@1: `twotower.evaluate` does.",
    )
    odd = np.flatnonzero(worse)
    odd = odd[np.argsort(-ranks[odd], kind="stable")]
    mismatched = Measure(
        "mismatched-towers",
        "Captions that do not fit their picture, by two towers",
        "Share of captions that score their own picture below half of the others. A caption of another picture does so "
        "every second time: at most twice as many are mismatched, the rest is what the model cannot tell.",
        "The only judge where a picture has a single caption.",
        (share("captions below half of the pictures", worse, some.owner),),
        tuple(Example(f"“{some.texts[i]}” (rank {ranks[i]})", (int(place[some.owner[i]]),)) for i in odd[:12]),
    )
    return [mistakes, mismatched]
