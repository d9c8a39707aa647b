/** The models of /openapi.json, made by `make types`. */

/**
 * How many values lie up to an end; None: above all others.
 */
export interface Bucket {
  most_ms: number | null;
  count: number;
}
/**
 * A cache's look-ups: found, not found, or shared with an equal request in flight.
 */
export interface CacheCounts {
  cache: string;
  hit: number;
  miss: number;
  shared: number;
}
/**
 * What a client says about one picture of an upload.
 */
export interface Details {
  caption?: string;
  /**
   * @maxItems 100
   */
  tags?: string[];
  /**
   * beside those that are read from the file's EXIF
   */
  attributes?: {
    [k: string]: string | boolean | number;
  };
  /**
   * in place of what the file's EXIF says
   */
  taken_at?: string | null;
}
/**
 * A picture's fields that take new values: those that are given.
 */
export interface Edit {
  caption?: string | null;
  tags?: string[] | null;
  attributes?: {
    [k: string]: string | boolean | number;
  } | null;
  taken_at?: string | null;
}
/**
 * How an answer came about.
 */
export interface Explanation {
  stages_ms: {
    [k: string]: number;
  };
  cached: boolean;
  /**
   * how many pictures there are
   */
  collection: number;
  removed: Removed;
}
/**
 * Pictures that are no results, and why.
 */
export interface Removed {
  by_filters: number;
  /**
   * up to this page
   */
  near_duplicates: number;
  terms_themselves: number;
}
/**
 * What a collection holds: example captions, tags, and the values that filters can take.
 */
export interface Facets {
  count: number;
  /**
   * some short captions, to start from
   */
  captions: string[];
  /**
   * the most frequent ones, up to 200
   */
  tags: TagCount[];
  orientations: Orientations;
  /**
   * when the first and the last picture was taken, where that is known
   */
  taken: string[] | null;
  /**
   * when the first and the last picture was added
   */
  added: string[] | null;
  /**
   * width of the widest picture in pixels
   */
  widest: number;
  /**
   * whether only a part of a large collection was counted
   */
  sampled: boolean;
}
/**
 * A tag, and how many pictures have it.
 */
export interface TagCount {
  tag: string;
  count: number;
}
/**
 * How many pictures are of each shape.
 */
export interface Orientations {
  landscape: number;
  portrait: number;
  square: number;
}
/**
 * A measured figure of the model, in percent, with the interval that it lies in.
 */
export interface Figure {
  name: string;
  value: number;
  low: number | null;
  high: number | null;
}
/**
 * Every condition that is given must hold.
 */
export interface Filter {
  /**
   * tags that a picture has, all of them
   *
   * @maxItems 50
   */
  tags?: string[];
  /**
   * tags of which a picture has at least one
   *
   * @maxItems 50
   */
  any_tags?: string[];
  /**
   * tags that a picture has not
   *
   * @maxItems 50
   */
  no_tags?: string[];
  orientation?: ("landscape" | "portrait" | "square") | null;
  /**
   * in pixels
   */
  min_width?: number | null;
  /**
   * in pixels
   */
  min_height?: number | null;
  /**
   * least size of the file
   */
  min_bytes?: number | null;
  /**
   * greatest size of the file
   */
  max_bytes?: number | null;
  /**
   * 2024, 2024-05, 2024-05-31 or with a time of day
   */
  taken_from?: string | null;
  /**
   * the last year, month, day or minute, itself included
   */
  taken_to?: string | null;
  /**
   * as taken_from, in UTC
   */
  added_from?: string | null;
  /**
   * as taken_to, in UTC
   */
  added_to?: string | null;
  attributes?: {
    [k: string]: string | boolean | number | Range;
  };
}
/**
 * An attribute between two numbers, or two texts in their alphabetical order; both ends belong to it.
 */
export interface Range {
  min?: number | string | null;
  max?: number | string | null;
}
/**
 * A picture that was found.
 */
export interface Hit {
  /**
   * the first 32 hex digits of the sha256 of its file
   */
  id: string;
  caption: string;
  tags: string[];
  attributes: {
    [k: string]: string | boolean | number;
  };
  file_name: string;
  width: number;
  height: number;
  bytes: number | null;
  /**
   * by the clock where it was taken
   */
  taken_at: string | null;
  added_at: string;
  /**
   * ThumbHash in base64, to be shown until the picture is there; may be empty
   */
  placeholder: string;
  file_url: string;
  thumbnail_url: string;
  /**
   * the cosine with the sum of the terms; of another mode, its own measure
   */
  score: number;
  /**
   * how sure the system is that it fits, 0 to 1, where that is known
   */
  confidence: number | null;
}
/**
 * The index of the vectors.
 */
export interface IndexFacts {
  generation: string | null;
  kind: string;
  /**
   * pictures that came after the index was written, and are searched beside it
   */
  after: number;
  problem: string | null;
}
/**
 * What is wrong with one file.
 */
export interface ItemError {
  type: string;
  title: string;
  detail: string;
}
/**
 * One browser that was let in.
 */
export interface KnownSession {
  id: string;
  /**
   * of the key that it showed
   */
  key_name: string;
  created_at: string;
  /**
   * when it was last used, to five minutes
   */
  seen_at: string;
  address: string;
  /**
   * what the browser calls itself
   */
  client: string;
}
/**
 * A key that the browser is to keep.
 */
export interface Login {
  key: string;
}
/**
 * Those of the pictures that are there, in the order of their ids in the question.
 */
export interface LookupAnswer {
  images: Picture[];
}
/**
 * A picture of the collection.
 */
export interface Picture {
  /**
   * the first 32 hex digits of the sha256 of its file
   */
  id: string;
  caption: string;
  tags: string[];
  attributes: {
    [k: string]: string | boolean | number;
  };
  file_name: string;
  width: number;
  height: number;
  bytes: number | null;
  /**
   * by the clock where it was taken
   */
  taken_at: string | null;
  added_at: string;
  /**
   * ThumbHash in base64, to be shown until the picture is there; may be empty
   */
  placeholder: string;
  file_url: string;
  thumbnail_url: string;
}
/**
 * The encoder's model.
 */
export interface Model {
  model_id: string;
  name: string;
  dim: number;
  towers: {
    [k: string]: string;
  };
  figures: Figure[];
}
/**
 * What every error looks like (RFC 9457).
 */
export interface Problem {
  /**
   * urn:sightline:error: and the kind
   */
  type: string;
  title: string;
  /**
   * what is wrong, with the field and the limit
   */
  detail: string;
  status: number;
  request_id: string;
}
/**
 * The latest files that could not be added, the last one first.
 */
export interface QuarantineAnswer {
  files: QuarantinedFile[];
}
/**
 * A file that could not be added, and why.
 */
export interface QuarantinedFile {
  id: string;
  file_name: string;
  /**
   * of a file that is kept; one that is too large is not
   */
  bytes?: number | null;
  at: string;
  error: ItemError;
}
/**
 * A page of results, best first.
 */
export interface SearchAnswer {
  results: Hit[];
  /**
   * the terms as they are written in a URL, uploaded pictures as tokens
   */
  terms: string[];
  model_id: string | null;
  /**
   * names the state of the collection
   */
  generation: string;
  next_cursor: string | null;
  /**
   * how many near-duplicates were passed over up to this page
   */
  collapsed: number;
  /**
   * whether the best result fits at all; null where that is not known
   */
  confident: boolean | null;
  /**
   * whether a text was longer than the model reads
   */
  truncated: boolean;
  took_ms: number;
  explain?: Explanation | null;
}
/**
 * A search: the pictures nearest to a sum of terms.
 */
export interface SearchRequest {
  /**
   * @minItems 1
   * @maxItems 16
   */
  terms: Term[];
  /**
   * rank by looks (vector), by words in captions, tags and file names (text), or by both (hybrid)
   */
  mode?: "vector" | "text" | "hybrid";
  /**
   * conditions on the pictures, all of which must hold
   */
  where?: Filter | null;
  /**
   * pass over a picture whose cosine with one before it is at least this; 0.94 is a near-duplicate
   */
  collapse?: number | null;
  /**
   * how many results
   */
  k?: number;
  /**
   * `next_cursor` of the page before
   */
  cursor?: string | null;
  /**
   * tell how the answer came about
   */
  explain?: boolean;
}
/**
 * One of `text`, `like`, `vector` or `image`, with a weight: below 0 leads away from it.
 */
export interface Term {
  /**
   * words that a picture is to fit
   */
  text?: string | null;
  /**
   * the id of a picture of the collection
   */
  like?: string | null;
  /**
   * a token that an answer gave for an uploaded picture
   */
  vector?: string | null;
  /**
   * the number of an uploaded file, from 0
   */
  image?: number | null;
  /**
   * below 0 leads away; four decimals count
   */
  weight?: number;
}
/**
 * Whether a key is needed, and what the client's own allows.
 */
export interface Session {
  required: boolean;
  scope: ("read" | "write" | "admin") | null;
  key_name: string | null;
  /**
   * the session's, where the client is a browser that has one
   */
  id: string | null;
}
/**
 * The browsers that were let in and have not left.
 */
export interface Sessions {
  sessions: KnownSession[];
}
/**
 * How long a stage of a request took; `request` is a search as a whole.
 */
export interface StageSpread {
  stage: string;
  count: number;
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  buckets: Bucket[];
}
/**
 * Facts about the collection, and what all gateways together have counted since the oldest started.
 */
export interface Stats {
  count: number;
  model_id: string | null;
  generation: string;
  index: IndexFacts;
  /**
   * some short captions, to start from
   */
  captions: string[];
  /**
   * None where the encoder does not answer
   */
  model: Model | null;
  uptime_s: number;
  stages: StageSpread[];
  caches: CacheCounts[];
}
/**
 * How a text may go on.
 */
export interface Suggestions {
  /**
   * those that hold all of its words, the last of which may go on
   */
  captions: string[];
  /**
   * those that begin with it
   */
  tags: string[];
}
/**
 * What became of each file, in order.
 */
export interface UploadAnswer {
  items: UploadItem[];
}
/**
 * What became of one file.
 */
export interface UploadItem {
  status: "added" | "exists" | "failed";
  id: string | null;
  error?: ItemError | null;
}
