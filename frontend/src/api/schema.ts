/** The paths and models of /openapi.json, made by `make types`. */

export interface paths {
    "/api/v1/images/{picture_id}/text": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get what is written in a picture. */
        get: operations["get_text"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find the pictures that match terms; without a term, list the newest pictures.
         * @description The answer has an ETag. A repeated request with it in If-None-Match is answered 304 while nothing has changed.
         */
        get: operations["search_by_url"];
        put?: never;
        /**
         * Find the pictures that match terms, which may be uploaded pictures.
         * @description Send JSON; or, with pictures, a multipart form: the files in `images`, and the JSON in `query`, in which `{"image": 0}` is the first file. Without `query` each file is a term.
         */
        post: operations["search_by_body"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/images/{picture_id}/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Find the pictures that look like a given picture of the collection. */
        get: operations["similar"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/suggest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Complete a text from the captions and tags of the collection. */
        get: operations["suggest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/facets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get example captions of the collection, and the values that filters can take. */
        get: operations["facets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get those of the given pictures that are in the collection, and which of them were deleted from it. */
        get: operations["lookup"];
        put?: never;
        /**
         * Add pictures.
         * @description A picture whose content is in the collection already is not changed: its item says exists, and `details_taken` false if the upload had details for it. The status is 201 if at least one picture is new, 200 if none is new, and that of the first file's error if every file failed. With `Accept: text/event-stream` the response is a stream of server-sent events: one named item for each file when it is done, with its index, and at the end one named done, or problem if a service failed. A file whose event says added is stored.
         */
        post: operations["add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/images/{picture_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the record of a picture. */
        get: operations["image"];
        put?: never;
        post?: never;
        /** Delete a picture: it moves to the bin, from where it can be restored for some time. */
        delete: operations["delete"];
        options?: never;
        head?: never;
        /** Change fields of a picture; those that are left out stay unchanged. */
        patch: operations["edit"];
        trace?: never;
    };
    "/api/v1/images/{picture_id}/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Fetch the original file, or ranges of it. */
        get: operations["file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/images/{picture_id}/thumbnail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch a small copy: upright, without metadata, never enlarged.
         * @description It is AVIF if the Accept header prefers AVIF, else WebP.
         */
        get: operations["thumbnail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/selection/delete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Delete several pictures: they move to the bin. */
        post: operations["delete_several"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the pictures in the bin, what was deleted last first. Their thumbnails are still there. */
        get: operations["list_bin"];
        put?: never;
        post?: never;
        /** Delete everything in the bin for good. The files go with the next job of kind sweep, which is queued. */
        delete: operations["empty"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/selection/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Restore pictures from the bin, as they were. */
        post: operations["restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bin/{picture_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a picture in the bin for good, with its file unless that is in the library. */
        delete: operations["forget"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/selection/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Add tags to several pictures, and remove tags from them. */
        post: operations["tag_several"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/selection/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Download the files of several pictures as one ZIP archive, which is made while it is sent.
         * @description A file that cannot be read is named in a text file in the archive.
         */
        post: operations["archive_several"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the kept searches, by name. */
        get: operations["list_searches"];
        put?: never;
        /** Keep a search under a name. A search that is kept already gets the new name. */
        post: operations["keep_search"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/searches/{search_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove a kept search. */
        delete: operations["remove_search"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get whether this client needs a key, and the scope of the key that it uses. */
        get: operations["session"];
        put?: never;
        /** Start a session for this browser, in an HttpOnly cookie. */
        post: operations["log_in"];
        /** End the session of this browser. */
        delete: operations["log_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the sessions of this client's key, newest first; with a key of scope admin, the sessions of all keys. */
        get: operations["sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End a session that `GET /sessions` lists. */
        delete: operations["end_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get facts about the collection and the model, and how long the stages of a request took. */
        get: operations["stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch the record of every picture.
         * @description One JSON document per line, ordered by id.
         */
        get: operations["export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the files that could not be added, and why. */
        get: operations["list_quarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quarantine/{picture_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a file that could not be added from the quarantine. */
        delete: operations["release"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/library": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the folders of the library. The jobs of kind `scan` tell when and how they were scanned. */
        get: operations["get_library"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the jobs that wait or run, and the last 50 of each kind that have ended. */
        get: operations["list_jobs"];
        put?: never;
        /**
         * Start a job.
         * @description A worker process does it, whether or not the client waits. If a job with the same arguments waits already, that one is returned. One job of a kind runs at a time.
         */
        post: operations["submit_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a job: how far it is, and how it ended. */
        get: operations["get_job"];
        put?: never;
        post?: never;
        /**
         * Cancel a job.
         * @description One that waits ends at once, one that runs at its next step. What it has done stays done.
         */
        delete: operations["cancel_job"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * ArchiveRequest
         * @description The pictures of an archive.
         */
        ArchiveRequest: {
            /**
             * Ids
             * @description ids of pictures, 1 to 1000
             */
            ids: string[];
        };
        /**
         * BinAnswer
         * @description A page of the bin, what was deleted last first.
         */
        BinAnswer: {
            /** Pictures */
            pictures: components["schemas"]["BinnedPicture"][];
            /**
             * Count
             * @description how many pictures are in the bin
             */
            count: number;
            /**
             * Keep Days
             * @description days after which a picture is deleted for good
             */
            keep_days: number;
            /** Next Cursor */
            next_cursor: string | null;
        };
        /**
         * BinnedPicture
         * @description A deleted picture.
         */
        BinnedPicture: {
            /**
             * Id
             * @description the first 32 hex digits of the sha256 of its file
             */
            id: string;
            /** Caption */
            caption: string;
            /** Tags */
            tags: string[];
            /** Attributes */
            attributes: {
                [key: string]: string | boolean | number;
            };
            /** File Name */
            file_name: string;
            /** Width */
            width: number;
            /** Height */
            height: number;
            /** Bytes */
            bytes: number | null;
            /**
             * Taken At
             * @description by the clock where it was taken
             */
            taken_at: string | null;
            /** Added At */
            added_at: string;
            /**
             * Placeholder
             * @description ThumbHash in base64, to be shown until the picture is there; may be empty
             */
            placeholder: string;
            /** File Url */
            file_url: string;
            /** Thumbnail Url */
            thumbnail_url: string;
            /** Deleted At */
            deleted_at: string;
            /**
             * Forgotten At
             * @description when it is deleted for good
             */
            forgotten_at: string;
        };
        /**
         * Bucket
         * @description A histogram bucket: its upper bound, None for the last bucket, and the number of values in it.
         */
        Bucket: {
            /** Most Ms */
            most_ms: number | null;
            /** Count */
            count: number;
        };
        /**
         * CacheCounts
         * @description A cache's look-ups: hits, misses, and those that shared the result of an equal request in flight.
         */
        CacheCounts: {
            /** Cache */
            cache: string;
            /** Hit */
            hit: number;
            /** Miss */
            miss: number;
            /** Shared */
            shared: number;
        };
        /**
         * DeleteAnswer
         * @description Which pictures were deleted, and which were not there.
         */
        DeleteAnswer: {
            /** Deleted */
            deleted: string[];
            /** Missing */
            missing: string[];
        };
        /**
         * Details
         * @description Details of one picture of an upload.
         */
        Details: {
            /**
             * Caption
             * @default
             */
            caption?: string;
            /**
             * Tags
             * @default []
             */
            tags?: string[];
            /**
             * Attributes
             * @description beside those that are read from the file's EXIF
             * @default {}
             */
            attributes?: {
                [key: string]: string | boolean | number;
            };
            /**
             * Taken At
             * @description in place of what the file's EXIF says
             * @default null
             */
            taken_at?: string | null;
        };
        /**
         * Edit
         * @description New values of a picture's fields; fields that are left out stay unchanged.
         */
        Edit: {
            /**
             * Caption
             * @default null
             */
            caption?: string | null;
            /**
             * Tags
             * @description in place of all tags; two clients overwrite each other
             * @default null
             */
            tags?: string[] | null;
            /**
             * Add Tags
             * @description beside those that are there
             * @default null
             */
            add_tags?: string[] | null;
            /**
             * Remove Tags
             * @description of those that are there
             * @default null
             */
            remove_tags?: string[] | null;
            /**
             * Attributes
             * @default null
             */
            attributes?: {
                [key: string]: string | boolean | number;
            } | null;
            /**
             * Taken At
             * @default null
             */
            taken_at?: string | null;
        };
        /**
         * Explanation
         * @description How an answer was computed.
         */
        Explanation: {
            /** Stages Ms */
            stages_ms: {
                [key: string]: number;
            };
            /** Cached */
            cached: boolean;
            /**
             * Collection
             * @description how many pictures there are
             */
            collection: number;
            removed: components["schemas"]["Removed"];
        };
        /**
         * Facets
         * @description What a collection holds: example captions, tags, and the values that filters can take.
         */
        Facets: {
            /** Count */
            count: number;
            /**
             * Captioned
             * @description whether any picture has a caption
             */
            captioned: boolean;
            /**
             * Written
             * @description whether anything is written in any picture, as far as they were read
             */
            written: boolean;
            /**
             * Captions
             * @description some short captions, to start from
             */
            captions: string[];
            /**
             * Tags
             * @description the most frequent ones, up to 200
             */
            tags: components["schemas"]["TagCount"][];
            /**
             * Folders
             * @description folders of the library, the 500 with most pictures
             */
            folders: components["schemas"]["FolderCount"][];
            orientations: components["schemas"]["Orientations"];
            /**
             * Taken
             * @description when the first and the last picture was taken, where that is known
             */
            taken: string[] | null;
            /**
             * Years
             * @description those in which pictures were taken, the latest first
             */
            years: components["schemas"]["YearCount"][];
            /**
             * Added
             * @description when the first and the last picture was added
             */
            added: string[] | null;
            /**
             * Widest
             * @description width of the widest picture in pixels
             */
            widest: number;
            /**
             * Sampled
             * @description whether only a part of a large collection was counted
             */
            sampled: boolean;
        };
        /**
         * FailedFile
         * @description A file that could not be read, and why.
         */
        FailedFile: {
            /** File */
            file: string;
            /**
             * Fault
             * @description its kind: unreadable, not-a-file, unmounted, patterns, sidecar, or that of an error
             * @default unreadable
             */
            fault?: string;
            /** Reason */
            reason: string;
        };
        /**
         * FailedPicture
         * @description A picture that could not be encoded, and why.
         */
        FailedPicture: {
            /** Id */
            id: string;
            /** Detail */
            detail: string;
        };
        /**
         * Figure
         * @description A measured figure of the model, in percent, with its confidence interval.
         */
        Figure: {
            /** Name */
            name: string;
            /** Value */
            value: number;
            /** Low */
            low: number | null;
            /** High */
            high: number | null;
        };
        /**
         * Filter
         * @description Conditions on pictures; all that are given must hold.
         */
        Filter: {
            /**
             * Tags
             * @description tags that a picture has, all of them
             * @default []
             */
            tags?: string[];
            /**
             * Any Tags
             * @description tags of which a picture has at least one
             * @default []
             */
            any_tags?: string[];
            /**
             * No Tags
             * @description tags that a picture has not
             * @default []
             */
            no_tags?: string[];
            /**
             * Orientation
             * @default null
             */
            orientation?: ("landscape" | "portrait" | "square") | null;
            /**
             * Min Width
             * @description in pixels
             * @default null
             */
            min_width?: number | null;
            /**
             * Min Height
             * @description in pixels
             * @default null
             */
            min_height?: number | null;
            /**
             * Min Bytes
             * @description least size of the file
             * @default null
             */
            min_bytes?: number | null;
            /**
             * Max Bytes
             * @description greatest size of the file
             * @default null
             */
            max_bytes?: number | null;
            /**
             * Taken From
             * @description 2024, 2024-05, 2024-05-31 or with a time of day
             * @default null
             */
            taken_from?: string | null;
            /**
             * Taken To
             * @description the last year, month, day or minute, itself included
             * @default null
             */
            taken_to?: string | null;
            /**
             * Added From
             * @description as taken_from, in UTC
             * @default null
             */
            added_from?: string | null;
            /**
             * Added To
             * @description as taken_to, in UTC
             * @default null
             */
            added_to?: string | null;
            /**
             * Folder
             * @description a folder of the library that holds the picture, at any depth: 2024 or 2024/Italy
             * @default null
             */
            folder?: string | null;
            /**
             * Has Text
             * @description whether anything is written in the picture
             * @default null
             */
            has_text?: boolean | null;
            /**
             * Text
             * @description words, or parts of words, that are all written in the picture; a phrase in quotes as it stands
             * @default null
             */
            text?: string | null;
            /** Attributes */
            attributes?: {
                [key: string]: string | boolean | number | components["schemas"]["Range"];
            };
        };
        /**
         * FolderAnswer
         * @description A folder of the library.
         */
        FolderAnswer: {
            /** Name */
            name: string;
            /** Path */
            path: string;
            /**
             * Files
             * @description files of it that are in the collection
             */
            files: number;
            /**
             * Available
             * @description whether the folder is there now
             */
            available: boolean;
        };
        /**
         * FolderCount
         * @description A folder of the library, and how many pictures lie in it or below it.
         */
        FolderCount: {
            /** Folder */
            folder: string;
            /** Count */
            count: number;
        };
        /**
         * Hit
         * @description A search result: a picture with its score.
         */
        Hit: {
            /**
             * Id
             * @description the first 32 hex digits of the sha256 of its file
             */
            id: string;
            /** Caption */
            caption: string;
            /** Tags */
            tags: string[];
            /** Attributes */
            attributes: {
                [key: string]: string | boolean | number;
            };
            /** File Name */
            file_name: string;
            /** Width */
            width: number;
            /** Height */
            height: number;
            /** Bytes */
            bytes: number | null;
            /**
             * Taken At
             * @description by the clock where it was taken
             */
            taken_at: string | null;
            /** Added At */
            added_at: string;
            /**
             * Placeholder
             * @description ThumbHash in base64, to be shown until the picture is there; may be empty
             */
            placeholder: string;
            /** File Url */
            file_url: string;
            /** Thumbnail Url */
            thumbnail_url: string;
            /**
             * Score
             * @description the cosine with the sum of the terms; of another mode, its own measure, which of a search without a term is the time that it is sorted by, as YYYYMMDDhhmmss
             */
            score: number;
            /**
             * Confidence
             * @description how sure the system is that it fits the words, 0 to 1; null for searches by pictures alone
             */
            confidence: number | null;
            /**
             * Fields
             * @description where words of the search were found: caption, tags, file_name, or text, which is what is written in the picture
             */
            fields: ("caption" | "tags" | "file_name" | "text")[];
            /**
             * Lines
             * @description the lines in the picture that have words of the search
             */
            lines: components["schemas"]["Line"][];
        };
        /**
         * IndexFacts
         * @description The vector index.
         */
        IndexFacts: {
            /** Generation */
            generation: string | null;
            /** Kind */
            kind: string;
            /**
             * After
             * @description pictures that came after the index was written, and are searched beside it
             */
            after: number;
            /** Problem */
            problem: string | null;
        };
        /**
         * ItemError
         * @description The error of one file.
         */
        ItemError: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Detail */
            detail: string;
            /**
             * Limit
             * @description of an item that is too large: the limit, in `unit`
             * @default null
             */
            limit?: number | null;
            /**
             * Unit
             * @default null
             */
            unit?: ("bytes" | "bytes-of-memory" | "pixels" | "pixels-per-side" | "characters") | null;
        };
        /**
         * JobAnswer
         * @description A job; times are in UTC.
         */
        JobAnswer: {
            /** Id */
            id: string;
            kind: components["schemas"]["JobKind"];
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "done" | "failed" | "cancelled";
            /** Params */
            params: {
                [key: string]: unknown;
            };
            /**
             * Progress
             * @description None before the first step
             */
            progress: components["schemas"]["ScanProgress"] | components["schemas"]["ReindexProgress"] | components["schemas"]["SweepProgress"] | components["schemas"]["ReadProgress"] | null;
            /**
             * Problem
             * @description the problem document of a job that failed
             */
            problem: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Started At */
            started_at: string | null;
            /**
             * Seen At
             * @description when its worker last reported
             */
            seen_at: string | null;
            /** Ended At */
            ended_at: string | null;
        };
        /**
         * JobKind
         * @description What a job does.
         * @enum {string}
         */
        JobKind: "scan" | "reindex" | "sweep" | "read";
        /**
         * JobsAnswer
         * @description Jobs, the newest first.
         */
        JobsAnswer: {
            /** Jobs */
            jobs: components["schemas"]["JobAnswer"][];
        };
        /**
         * KeptAnswer
         * @description A kept search.
         */
        KeptAnswer: {
            /** Id */
            id: string;
            /** Name */
            name: string;
            /**
             * Search
             * @description the query string of GET /api/v1/search
             */
            search: string;
            /** Kept At */
            kept_at: string;
        };
        /**
         * KeptListAnswer
         * @description All kept searches, by name.
         */
        KeptListAnswer: {
            /** Searches */
            searches: components["schemas"]["KeptAnswer"][];
        };
        /**
         * KnownSession
         * @description A session of a browser that logged in with a key.
         */
        KnownSession: {
            /** Id */
            id: string;
            /**
             * Key Name
             * @description of the key that it showed
             */
            key_name: string;
            /** Created At */
            created_at: string;
            /**
             * Seen At
             * @description when it was last used, to five minutes
             */
            seen_at: string;
            /** Address */
            address: string;
            /**
             * Client
             * @description what the browser calls itself
             */
            client: string;
        };
        /**
         * LibraryAnswer
         * @description The folders whose pictures are indexed where they lie; none if there is no library.
         */
        LibraryAnswer: {
            /** Folders */
            folders: components["schemas"]["FolderAnswer"][];
        };
        /**
         * Line
         * @description A line of text in a picture.
         */
        Line: {
            /** Text */
            text: string;
            /**
             * Box
             * @description x and y of its four corners as shares of the picture's width and height, clockwise from the upper left
             */
            box: number[];
            /**
             * Confidence
             * @description how sure the reader is, 0 to 1
             */
            confidence: number;
        };
        /**
         * Login
         * @description The API key that a browser logs in with.
         */
        Login: {
            /** Key */
            key: string;
        };
        /**
         * LookupAnswer
         * @description The requested pictures that are in the collection, in the order of the requested ids.
         */
        LookupAnswer: {
            /** Images */
            images: components["schemas"]["Picture"][];
            /**
             * Deleted
             * @description ids of those that were deleted from the collection, and not added since
             */
            deleted: string[];
        };
        /**
         * Model
         * @description The encoder's model.
         */
        Model: {
            /** Model Id */
            model_id: string;
            /** Name */
            name: string;
            /** Dim */
            dim: number;
            /** Towers */
            towers: {
                [key: string]: string;
            };
            /**
             * Runtime
             * @description what computes the towers, and in which precision, like openvino-bf16
             */
            runtime: string;
            /** Figures */
            figures: components["schemas"]["Figure"][];
        };
        /**
         * NewJob
         * @description What a job is to do.
         */
        NewJob: components["schemas"]["NewScan"] | components["schemas"]["NewReindex"] | components["schemas"]["NewSweep"] | components["schemas"]["NewRead"];
        /**
         * NewKept
         * @description A search to keep.
         */
        NewKept: {
            /** Name */
            name: string;
            /**
             * Search
             * @description the query string of GET /api/v1/search: q=dog&tags=sea
             */
            search: string;
        };
        /**
         * NewRead
         * @description Reading: what is written in pictures that were not read yet. It fails where the reader is not installed.
         *
         *     The worker does it without being asked for, where it can.
         */
        NewRead: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "read";
            /**
             * Join
             * @description whether a reading that runs already is enough
             * @default false
             */
            join?: boolean;
        };
        /**
         * NewReindex
         * @description A re-index: gives every picture a vector of the encoder's current model, then switches searches to that model.
         */
        NewReindex: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "reindex";
            /**
             * Join
             * @description whether a re-index that runs already is enough
             * @default false
             */
            join?: boolean;
        };
        /**
         * NewScan
         * @description A scan: brings the collection up to date with the folders of the library.
         */
        NewScan: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "scan";
            /**
             * Remove
             * @description whether to forget pictures whose files are gone, with their captions and tags; otherwise they are hidden, and forgotten after GATEWAY_KEEP_GONE_DAYS
             * @default false
             */
            remove?: boolean;
            /**
             * Join
             * @description whether a scan that runs already is enough
             * @default false
             */
            join?: boolean;
        };
        /**
         * NewSweep
         * @description A sweep of the picture store: files without a record. The worker does one a day without being asked.
         *
         *     Originals that were never recorded, since an upload was interrupted, are added; originals and thumbnails of pictures
         *     that were deleted are removed.
         */
        NewSweep: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "sweep";
            /**
             * Join
             * @description whether a sweep that runs already is enough
             * @default false
             */
            join?: boolean;
        };
        /**
         * NotChanged
         * @description A picture that was not changed.
         */
        NotChanged: {
            /** Id */
            id: string;
            error: components["schemas"]["ItemError"];
        };
        /**
         * NotRestored
         * @description A picture that was not restored.
         */
        NotRestored: {
            /** Id */
            id: string;
            error: components["schemas"]["ItemError"];
        };
        /**
         * Orientations
         * @description How many pictures have each orientation.
         */
        Orientations: {
            /** Landscape */
            landscape: number;
            /** Portrait */
            portrait: number;
            /** Square */
            square: number;
        };
        /**
         * Picture
         * @description A picture of the collection.
         */
        Picture: {
            /**
             * Id
             * @description the first 32 hex digits of the sha256 of its file
             */
            id: string;
            /** Caption */
            caption: string;
            /** Tags */
            tags: string[];
            /** Attributes */
            attributes: {
                [key: string]: string | boolean | number;
            };
            /** File Name */
            file_name: string;
            /** Width */
            width: number;
            /** Height */
            height: number;
            /** Bytes */
            bytes: number | null;
            /**
             * Taken At
             * @description by the clock where it was taken
             */
            taken_at: string | null;
            /** Added At */
            added_at: string;
            /**
             * Placeholder
             * @description ThumbHash in base64, to be shown until the picture is there; may be empty
             */
            placeholder: string;
            /** File Url */
            file_url: string;
            /** Thumbnail Url */
            thumbnail_url: string;
        };
        /**
         * Problem
         * @description The document of every error (problem+json, RFC 9457).
         */
        Problem: {
            /**
             * Type
             * @description urn:sightline:error: and the kind
             */
            type: string;
            /** Title */
            title: string;
            /**
             * Detail
             * @description what is wrong, with the field and the limit
             */
            detail: string;
            /** Status */
            status: number;
            /** Request Id */
            request_id: string;
            /**
             * Part
             * @description the part of the system that failed, where it is another one: encoder, search
             * @default null
             */
            part?: string | null;
            /**
             * Limit
             * @description of a request that is too large: the limit, in `unit`
             * @default null
             */
            limit?: number | null;
            /**
             * Unit
             * @default null
             */
            unit?: ("bytes" | "bytes-of-memory" | "pixels" | "pixels-per-side" | "characters") | null;
            /**
             * Fields
             * @description of an invalid request: the fields that are wrong
             * @default null
             */
            fields?: string[] | null;
        };
        /**
         * QuarantineAnswer
         * @description The latest files that could not be added, newest first.
         */
        QuarantineAnswer: {
            /** Files */
            files: components["schemas"]["QuarantinedFile"][];
        };
        /**
         * QuarantinedFile
         * @description A file that could not be added, with the error.
         */
        QuarantinedFile: {
            /** Id */
            id: string;
            /** File Name */
            file_name: string;
            /**
             * Bytes
             * @description of a file that is kept; one that is too large is not
             * @default null
             */
            bytes?: number | null;
            /** At */
            at: string;
            error: components["schemas"]["ItemError"];
        };
        /**
         * Range
         * @description A range of numbers, or of texts in alphabetical order; both ends are included.
         */
        Range: {
            /**
             * Min
             * @default null
             */
            min?: number | string | null;
            /**
             * Max
             * @default null
             */
            max?: number | string | null;
        };
        /**
         * ReadProgress
         * @description How far reading is: pictures.
         */
        ReadProgress: {
            /** Total */
            total: number;
            /** Done */
            done: number;
            /**
             * Written
             * @description pictures with text
             */
            written: number;
            /**
             * Failed
             * @description the first 500 pictures that cannot be read
             */
            failed: components["schemas"]["FailedPicture"][];
        };
        /**
         * ReindexProgress
         * @description How far a re-index is: pictures with a vector of the new model.
         */
        ReindexProgress: {
            /** Model Id */
            model_id: string;
            /** Total */
            total: number;
            /** Done */
            done: number;
            /** Failed */
            failed: components["schemas"]["FailedPicture"][];
        };
        /**
         * Removed
         * @description How many pictures were left out of the results, by reason.
         */
        Removed: {
            /** By Filters */
            by_filters: number;
            /**
             * Near Duplicates
             * @description up to this page
             */
            near_duplicates: number;
            /** Terms Themselves */
            terms_themselves: number;
        };
        /**
         * RestoreAnswer
         * @description Which pictures are in the collection again, and why others are not.
         */
        RestoreAnswer: {
            /** Restored */
            restored: string[];
            /** Failed */
            failed: components["schemas"]["NotRestored"][];
        };
        /**
         * ScanProgress
         * @description How far a scan is: files by result.
         */
        ScanProgress: {
            /** Total */
            total: number;
            /** Done */
            done: number;
            /** Unchanged */
            unchanged: number;
            /** Added */
            added: number;
            /**
             * Exists
             * @description files whose picture was in the collection already
             */
            exists: number;
            /**
             * Back
             * @description files of pictures that were hidden and are shown again
             */
            back: number;
            /**
             * Deleted
             * @description files of pictures that the user deleted, which stay deleted
             */
            deleted: number;
            /** Failed */
            failed: number;
            /**
             * Gone
             * @description files that are not there any more, or are left out now; their pictures are hidden
             */
            gone: number;
            /**
             * Forgotten
             * @description hidden pictures that were removed for good
             */
            forgotten: number;
            /**
             * Failures
             * @description the first 500 of those that failed
             */
            failures: components["schemas"]["FailedFile"][];
            /**
             * Left Out
             * @description files and folders that are not looked at, by kind
             */
            left_out: {
                [key: string]: number;
            };
        };
        /**
         * SearchAnswer
         * @description A page of results, best first.
         */
        SearchAnswer: {
            /** Results */
            results: components["schemas"]["Hit"][];
            /**
             * Mode
             * @description what the results are ranked by
             * @enum {string}
             */
            mode: "vector" | "text" | "hybrid" | "list";
            /**
             * Terms
             * @description the terms as they are written in a URL, uploaded pictures as tokens
             */
            terms: string[];
            /** Model Id */
            model_id: string | null;
            /**
             * Generation
             * @description names the state of the collection
             */
            generation: string;
            /** Next Cursor */
            next_cursor: string | null;
            /**
             * Collapsed
             * @description how many near-duplicates were passed over up to this page
             */
            collapsed: number;
            /**
             * Confident
             * @description whether any result of the first page fits; null where that is not known, and on later pages
             */
            confident: boolean | null;
            /**
             * Truncated
             * @description whether a text was longer than the model reads
             */
            truncated: boolean;
            /** Took Ms */
            took_ms: number;
            /** @default null */
            explain?: components["schemas"]["Explanation"] | null;
        };
        /**
         * SearchRequest
         * @description A search for the pictures nearest to the weighted sum of the terms; without a term, for the newest pictures.
         */
        SearchRequest: {
            /**
             * Terms
             * @default []
             */
            terms?: components["schemas"]["Term"][];
            /**
             * Mode
             * @description rank by looks (vector), by words in captions, tags, file names and pictures (text), by both (hybrid), or by both where the search has words and the collection has captions or pictures with text, else by looks (auto)
             * @default vector
             * @enum {string}
             */
            mode?: "vector" | "text" | "hybrid" | "auto";
            /**
             * Sort
             * @description the order of a search without a term, newest first: by when pictures were added (the default), or by when they were taken, those of unknown time last
             * @default null
             */
            sort?: ("added" | "taken") | null;
            /**
             * @description conditions on the pictures, all of which must hold
             * @default null
             */
            where?: components["schemas"]["Filter"] | null;
            /**
             * Collapse
             * @description pass over a picture whose cosine with one before it is at least this; 0.94 is a near-duplicate
             * @default null
             */
            collapse?: number | null;
            /**
             * K
             * @description how many results
             * @default 24
             */
            k?: number;
            /**
             * Cursor
             * @description `next_cursor` of the page before
             * @default null
             */
            cursor?: string | null;
            /**
             * Explain
             * @description tell how the answer came about
             * @default false
             */
            explain?: boolean;
        };
        /**
         * Selection
         * @description Some pictures.
         */
        Selection: {
            /**
             * Ids
             * @description ids of pictures, 1 to 100
             */
            ids: string[];
        };
        /**
         * Session
         * @description Whether this client needs a key, and the scope of the key that it uses.
         */
        Session: {
            /** Required */
            required: boolean;
            /** Scope */
            scope: ("read" | "write" | "admin") | null;
            /** Key Name */
            key_name: string | null;
            /**
             * Id
             * @description the session's, where the client is a browser that has one
             */
            id: string | null;
        };
        /**
         * Sessions
         * @description Sessions that have not ended or expired.
         */
        Sessions: {
            /** Sessions */
            sessions: components["schemas"]["KnownSession"][];
        };
        /**
         * StageSpread
         * @description How long a stage of a request took; the stage `request` is a search as a whole.
         */
        StageSpread: {
            /** Stage */
            stage: string;
            /** Count */
            count: number;
            /** Mean Ms */
            mean_ms: number;
            /** P50 Ms */
            p50_ms: number;
            /** P95 Ms */
            p95_ms: number;
            /** Buckets */
            buckets: components["schemas"]["Bucket"][];
        };
        /**
         * Stats
         * @description Facts about the collection, and the counts of all gateways together since the oldest one started.
         */
        Stats: {
            /** Count */
            count: number;
            /** Model Id */
            model_id: string | null;
            /** Generation */
            generation: string;
            /**
             * Captioned
             * @description whether any picture has a caption
             */
            captioned: boolean;
            /**
             * Written
             * @description whether anything is written in any picture, as far as they were read
             */
            written: boolean;
            index: components["schemas"]["IndexFacts"];
            /**
             * Captions
             * @description some short captions, to start from
             */
            captions: string[];
            /** @description None where the encoder does not answer */
            model: components["schemas"]["Model"] | null;
            /** Uptime S */
            uptime_s: number;
            /** Stages */
            stages: components["schemas"]["StageSpread"][];
            /** Caches */
            caches: components["schemas"]["CacheCounts"][];
        };
        /**
         * Suggestions
         * @description Completions of a text.
         */
        Suggestions: {
            /**
             * Captions
             * @description those that hold all of its words, the last of which may go on
             */
            captions: string[];
            /**
             * Tags
             * @description those that begin with it
             */
            tags: string[];
            /**
             * Written
             * @description frequent words in pictures that begin like its last word
             */
            written: string[];
        };
        /**
         * SweepProgress
         * @description How far a sweep is: folders of the picture store.
         */
        SweepProgress: {
            /** Total */
            total: number;
            /** Done */
            done: number;
            /**
             * Restored
             * @description originals without a record that were added
             */
            restored: number;
            /**
             * Removed
             * @description files that were deleted
             */
            removed: number;
            /**
             * Forgotten
             * @description pictures of the bin that were deleted for good
             */
            forgotten: number;
            /**
             * Failed
             * @description originals without a record that cannot be added
             */
            failed: components["schemas"]["FailedPicture"][];
        };
        /**
         * TagAnswer
         * @description The pictures as they are now, and why others were not changed.
         */
        TagAnswer: {
            /** Images */
            images: components["schemas"]["Picture"][];
            /** Failed */
            failed: components["schemas"]["NotChanged"][];
        };
        /**
         * TagChanges
         * @description Tags that some pictures get or lose.
         */
        TagChanges: {
            /**
             * Ids
             * @description ids of pictures, 1 to 100
             */
            ids: string[];
            /**
             * Add Tags
             * @description beside those that a picture has
             * @default []
             */
            add_tags?: string[];
            /**
             * Remove Tags
             * @description of those that a picture has
             * @default []
             */
            remove_tags?: string[];
        };
        /**
         * TagCount
         * @description A tag, and how many pictures have it.
         */
        TagCount: {
            /** Tag */
            tag: string;
            /** Count */
            count: number;
        };
        /**
         * Term
         * @description One of `text`, `like`, `vector` or `image`, with a weight: below 0 leads away from it.
         */
        Term: {
            /**
             * Text
             * @description words that a picture is to fit
             * @default null
             * @example a dog in the snow
             */
            text?: string | null;
            /**
             * Like
             * @description the id of a picture of the collection
             * @default null
             */
            like?: string | null;
            /**
             * Vector
             * @description a token that an answer gave for an uploaded picture
             * @default null
             */
            vector?: string | null;
            /**
             * Image
             * @description the number of an uploaded file, from 0
             * @default null
             */
            image?: number | null;
            /**
             * Weight
             * @description below 0 leads away; four decimals count
             * @default 1
             */
            weight?: number;
        };
        /**
         * TextAnswer
         * @description What is written in a picture.
         */
        TextAnswer: {
            /**
             * Read
             * @description whether the picture was read; if not, it may be soon
             */
            read: boolean;
            /**
             * Reader
             * @description what has read it
             */
            reader: string | null;
            /**
             * Text
             * @description all of it, line by line; empty if nothing is written
             */
            text: string;
            /** Lines */
            lines: components["schemas"]["Line"][];
        };
        /**
         * UploadAnswer
         * @description The result of each file, in order.
         */
        UploadAnswer: {
            /** Items */
            items: components["schemas"]["UploadItem"][];
        };
        /**
         * UploadItem
         * @description The result of one file.
         */
        UploadItem: {
            /**
             * Status
             * @enum {string}
             */
            status: "added" | "exists" | "failed";
            /** Id */
            id: string | null;
            /**
             * Details Taken
             * @description false if details were given for a file that was not added; a picture that exists keeps its own
             */
            details_taken: boolean;
            /** @default null */
            error?: components["schemas"]["ItemError"] | null;
        };
        /**
         * YearCount
         * @description A year, and how many pictures were taken in it.
         */
        YearCount: {
            /** Year */
            year: string;
            /** Count */
            count: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type ArchiveRequest = components['schemas']['ArchiveRequest'];
export type BinAnswer = components['schemas']['BinAnswer'];
export type BinnedPicture = components['schemas']['BinnedPicture'];
export type Bucket = components['schemas']['Bucket'];
export type CacheCounts = components['schemas']['CacheCounts'];
export type DeleteAnswer = components['schemas']['DeleteAnswer'];
export type Details = components['schemas']['Details'];
export type Edit = components['schemas']['Edit'];
export type Explanation = components['schemas']['Explanation'];
export type Facets = components['schemas']['Facets'];
export type FailedFile = components['schemas']['FailedFile'];
export type FailedPicture = components['schemas']['FailedPicture'];
export type Figure = components['schemas']['Figure'];
export type Filter = components['schemas']['Filter'];
export type FolderAnswer = components['schemas']['FolderAnswer'];
export type FolderCount = components['schemas']['FolderCount'];
export type Hit = components['schemas']['Hit'];
export type IndexFacts = components['schemas']['IndexFacts'];
export type ItemError = components['schemas']['ItemError'];
export type JobAnswer = components['schemas']['JobAnswer'];
export type JobKind = components['schemas']['JobKind'];
export type JobsAnswer = components['schemas']['JobsAnswer'];
export type KeptAnswer = components['schemas']['KeptAnswer'];
export type KeptListAnswer = components['schemas']['KeptListAnswer'];
export type KnownSession = components['schemas']['KnownSession'];
export type LibraryAnswer = components['schemas']['LibraryAnswer'];
export type Line = components['schemas']['Line'];
export type Login = components['schemas']['Login'];
export type LookupAnswer = components['schemas']['LookupAnswer'];
export type Model = components['schemas']['Model'];
export type NewJob = components['schemas']['NewJob'];
export type NewKept = components['schemas']['NewKept'];
export type NewRead = components['schemas']['NewRead'];
export type NewReindex = components['schemas']['NewReindex'];
export type NewScan = components['schemas']['NewScan'];
export type NewSweep = components['schemas']['NewSweep'];
export type NotChanged = components['schemas']['NotChanged'];
export type NotRestored = components['schemas']['NotRestored'];
export type Orientations = components['schemas']['Orientations'];
export type Picture = components['schemas']['Picture'];
export type Problem = components['schemas']['Problem'];
export type QuarantineAnswer = components['schemas']['QuarantineAnswer'];
export type QuarantinedFile = components['schemas']['QuarantinedFile'];
export type Range = components['schemas']['Range'];
export type ReadProgress = components['schemas']['ReadProgress'];
export type ReindexProgress = components['schemas']['ReindexProgress'];
export type Removed = components['schemas']['Removed'];
export type RestoreAnswer = components['schemas']['RestoreAnswer'];
export type ScanProgress = components['schemas']['ScanProgress'];
export type SearchAnswer = components['schemas']['SearchAnswer'];
export type SearchRequest = components['schemas']['SearchRequest'];
export type Selection = components['schemas']['Selection'];
export type Session = components['schemas']['Session'];
export type Sessions = components['schemas']['Sessions'];
export type StageSpread = components['schemas']['StageSpread'];
export type Stats = components['schemas']['Stats'];
export type Suggestions = components['schemas']['Suggestions'];
export type SweepProgress = components['schemas']['SweepProgress'];
export type TagAnswer = components['schemas']['TagAnswer'];
export type TagChanges = components['schemas']['TagChanges'];
export type TagCount = components['schemas']['TagCount'];
export type Term = components['schemas']['Term'];
export type TextAnswer = components['schemas']['TextAnswer'];
export type UploadAnswer = components['schemas']['UploadAnswer'];
export type UploadItem = components['schemas']['UploadItem'];
export type YearCount = components['schemas']['YearCount'];
export type $defs = Record<string, never>;
export interface operations {
    get_text: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TextAnswer"];
                };
            };
        };
    };
    search_by_url: {
        parameters: {
            query?: {
                /** @description words that a picture is to fit: short for term=text:…; a minus before a word or a quoted phrase leads away from it, and leaves its pictures out of a search for words: `apple -red`; `has:text` and `text:word` are the conditions has_text and text */
                q?: string;
                /** @description `text:words`, `like:id` or `vector:token`, with a weight in front where it is not 1: `-0.5*text:people` leads away from people */
                term?: string[];
                /** @description rank by looks (vector), by words in captions, tags, file names and pictures (text), by both (hybrid), or by both where the search has words and the collection has captions or pictures with text, else by looks (auto) */
                mode?: "vector" | "text" | "hybrid" | "auto";
                /** @description the order of a search without a term, newest first: by when pictures were added (the default), or by when they were taken, those of unknown time last */
                sort?: "added" | "taken";
                /** @description `name=value`, or a range of numbers: `iso=100..400` */
                attributes?: string[];
                /** @description pass over a picture whose cosine with one before it is at least this; 0.94 is a near-duplicate */
                collapse?: number;
                /** @description tell how the answer came about */
                explain?: boolean;
                /** @description tags that a picture has, all of them */
                tags?: string[];
                /** @description tags of which a picture has at least one */
                any_tags?: string[];
                /** @description tags that a picture has not */
                no_tags?: string[];
                orientation?: "landscape" | "portrait" | "square";
                /** @description in pixels */
                min_width?: number;
                /** @description in pixels */
                min_height?: number;
                /** @description least size of the file */
                min_bytes?: number;
                /** @description greatest size of the file */
                max_bytes?: number;
                /** @description 2024, 2024-05, 2024-05-31 or with a time of day */
                taken_from?: string;
                /** @description the last year, month, day or minute, itself included */
                taken_to?: string;
                /** @description as taken_from, in UTC */
                added_from?: string;
                /** @description as taken_to, in UTC */
                added_to?: string;
                /** @description a folder of the library that holds the picture, at any depth: 2024 or 2024/Italy */
                folder?: string;
                /** @description whether anything is written in the picture */
                has_text?: boolean;
                /** @description words, or parts of words, that are all written in the picture; a phrase in quotes as it stands */
                text?: string;
                /** @description how many results */
                k?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchAnswer"];
                };
            };
            /** @description Not modified */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    search_by_body: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SearchRequest"];
                "multipart/form-data": {
                    query?: components["schemas"]["SearchRequest"];
                    images: File[];
                };
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchAnswer"];
                };
            };
        };
    };
    similar: {
        parameters: {
            query?: {
                /** @description how many results */
                k?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchAnswer"];
                };
            };
            /** @description Not modified */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    suggest: {
        parameters: {
            query: {
                q: string;
                /** @description how many of each at most */
                k?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suggestions"];
                };
            };
        };
    };
    facets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Facets"];
                };
            };
        };
    };
    lookup: {
        parameters: {
            query: {
                /** @description up to 100 ids, with commas between them */
                ids: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LookupAnswer"];
                };
            };
        };
    };
    add: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    images: File[];
                    details?: components["schemas"]["Details"][];
                };
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadAnswer"];
                    "text/event-stream": string;
                };
            };
            /** @description Success */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadAnswer"];
                };
            };
        };
    };
    image: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Picture"];
                };
            };
        };
    };
    delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    edit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Edit"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Picture"];
                };
            };
        };
    };
    file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": unknown;
                    "image/png": unknown;
                    "image/webp": unknown;
                    "image/gif": unknown;
                    "image/tiff": unknown;
                    "image/bmp": unknown;
                    "image/avif": unknown;
                    "image/heic": unknown;
                };
            };
            /** @description Success */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": unknown;
                    "image/png": unknown;
                    "image/webp": unknown;
                    "image/gif": unknown;
                    "image/tiff": unknown;
                    "image/bmp": unknown;
                    "image/avif": unknown;
                    "image/heic": unknown;
                };
            };
            /** @description Not modified */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    thumbnail: {
        parameters: {
            query?: {
                /** @description the greatest width: 240, 480, 960 or 1920 pixels */
                w?: number;
            };
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/webp": unknown;
                    "image/avif": unknown;
                };
            };
            /** @description Success */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/webp": unknown;
                    "image/avif": unknown;
                };
            };
            /** @description Not modified */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    delete_several: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Selection"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeleteAnswer"];
                };
            };
        };
    };
    list_bin: {
        parameters: {
            query?: {
                /** @description how many pictures */
                k?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BinAnswer"];
                };
            };
        };
    };
    empty: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    restore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Selection"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RestoreAnswer"];
                };
            };
        };
    };
    forget: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    tag_several: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TagChanges"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TagAnswer"];
                };
            };
        };
    };
    archive_several: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ArchiveRequest"];
                "multipart/form-data": {
                    /** @description ids with commas between them */
                    ids: string;
                };
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": unknown;
                };
            };
        };
    };
    list_searches: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptListAnswer"];
                };
            };
        };
    };
    keep_search: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewKept"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptAnswer"];
                };
            };
        };
    };
    remove_search: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                search_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    log_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    log_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sessions"];
                };
            };
        };
    };
    end_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    stats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stats"];
                };
            };
        };
    };
    export: {
        parameters: {
            query?: {
                /** @description whether with its vector, base64 of little-endian float32 */
                vectors?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": unknown;
                };
            };
        };
    };
    list_quarantine: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuarantineAnswer"];
                };
            };
        };
    };
    release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                picture_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_library: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LibraryAnswer"];
                };
            };
        };
    };
    list_jobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobsAnswer"];
                };
            };
        };
    };
    submit_job: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewJob"];
            };
        };
        responses: {
            /** @description Success */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
        };
    };
    get_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
        };
    };
    cancel_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
        };
    };
}
