//! What every adapter of a cloud must keep, against the emulator of its vendor.
//!
//! Each promise is a function of a maker of fresh clouds with the adapter before them; [`store_promises!`](crate::store_promises) gives each
//! a test, and object_store's own as well.

#![allow(missing_docs, reason = "the names of promises are sentences")]
#![allow(
    clippy::unwrap_used,
    reason = "what is amiss in a promise shall stop the test"
)]

pub mod bytes;
pub mod charged;
pub mod faults;
pub mod gigabyte;
pub mod history;
pub mod joins;
pub mod late;
pub mod liars;
mod model;
pub mod opening;
pub mod scrub;
pub mod strange;
pub mod strangers;
pub mod tiers;
pub mod unreachable;

use object_store::ObjectStore;
use picora_tiering::TierControl;

pub use opening::Opening;

/// More often than any adapter tries.
const MOST_TRIES: usize = 12;

/// Bytes and tiers of one store.
pub trait Store: ObjectStore + TierControl + Clone + 'static {}

impl<S: ObjectStore + TierControl + Clone + 'static> Store for S {}

/// Gives the promise of a gigabyte its test. `$vendor` is its name as the binary takes it, `$at` opens the adapter at an address.
#[macro_export]
macro_rules! gigabyte_promise {
    ($vendor:literal, $at:path) => {
        mod gigabyte {
            #[test]
            fn a_gigabyte_goes_through_flat_memory() {
                let module = module_path!();
                $crate::promises::gigabyte::a_gigabyte_goes_through_flat_memory(
                    module, $vendor, $at,
                );
            }
        }
    };
}

/// Gives each promise a test. `$fresh` makes a cloud and the adapter before it.
///
/// `updates: true` is for a store that puts an object in place of one of its versions.
///
/// A second call with `strangers:` gives those of who is refused: `$start` starts a cloud, and `$open` opens the adapter before it as an
/// [`Opening`] says; a third one with `liars:` those of answers that no store gives.
#[macro_export]
macro_rules! store_promises {
    ($fresh:path) => {
        $crate::store_promises! { $fresh, updates: false }
    };
    ($fresh:path, updates: $updates:expr) => {
        $crate::store_promises! { @own $fresh;
            bytes: keys_and_headers_of_all_kinds_come_back, a_second_create_is_refused, a_range_is_cut_to_its_object,
                a_version_that_cannot_be_had_is_refused;
            tiers: ten_moves_keep_every_header_and_every_byte, an_archived_object_is_read_as_the_caps_say,
                what_is_not_there_or_another_is_not_moved, another_conflict_is_no_restore, a_copy_onto_itself_loses_no_header;
            faults: a_put_is_sent_again_until_it_is_there_once, a_lost_create_does_not_take_somebody_elses_object_for_its_own,
                a_body_that_is_cut_short_is_an_error, an_error_inside_a_200_is_no_copy, a_move_whose_answer_is_lost_is_unknown,
                a_refusal_after_a_lost_answer_is_not_certain;
            scrub: a_flipped_bit_is_found_by_its_key, what_is_archived_is_frozen_and_what_is_denied_is_told,
                a_scrub_in_parts_reads_each_object_once;
            strange: a_page_of_somebody_in_front_is_no_answer, what_is_no_document_says_nothing, what_never_ends_is_not_read_to_its_end,
                a_changed_bit_is_found, a_restore_that_never_ends_goes_on, what_has_vanished_is_missing;
            late: a_late_create_takes_nobodys_place, a_late_move_takes_nobodys_place, a_put_overtakes_only_while_its_signature_holds;
            charged: tiers_are_charged_as_they_are_declared;
            history: random_faults_lose_and_damage_nothing;
        }
        $crate::store_promises! { @object_store $fresh;
            put_get_delete_list(), put_get_attributes(), get_opts(), put_opts($updates), stream_get(), list_uses_directories_correctly(),
            list_with_delimiter(), list_with_offset_exclusivity(), rename_and_copy(), copy_if_not_exists(),
            copy_rename_nonexistent_object(), multipart_race_condition(true), multipart_out_of_order()
        }
    };
    (strangers: $start:path, $open:path) => {
        $crate::store_promises! { @opened $start, $open;
            strangers: strangers_are_refused_and_told_why_without_their_secret, a_wrong_clock_is_called_by_its_name,
            a_right_that_is_missing_is_named, a_bucket_that_is_not_there_is_named, a_store_that_works_is_examined_without_a_trace,
            a_temporary_key_holds_until_its_end, a_store_that_hangs_is_not_waited_for;
            unreachable: a_name_that_leads_nowhere_is_named, a_port_where_nobody_listens_is_named, a_black_hole_is_left_within_the_deadline,
                a_certificate_that_nobody_vouches_for_is_not_believed, a_server_without_tls_is_not_believed,
                a_certificate_of_another_host_is_not_believed;
            joins: a_long_join_is_waited_for;
        }
    };
    (liars: $start:path, $open:path) => {
        $crate::store_promises! { @opened $start, $open;
            liars: what_no_store_answers_is_an_error_within_the_deadline, an_object_that_is_not_as_announced_is_an_error,
                another_part_than_was_asked_for_is_an_error, a_list_that_leads_nowhere_ends;
        }
    };
    (@opened $start:path, $open:path; $($group:ident: $($promise:ident),+;)+) => {$(
        mod $group {$(
            #[tokio::test]
            async fn $promise() {
                $crate::promises::$group::$promise($start, $open).await;
            }
        )+}
    )+};
    (@own $fresh:path; $($group:ident: $($promise:ident),+;)+) => {$(
        mod $group {$(
            #[tokio::test]
            async fn $promise() {
                $crate::promises::$group::$promise($fresh).await;
            }
        )+}
    )+};
    (@object_store $fresh:path; $($promise:ident($($more:expr),*)),+) => {
        mod object_store_itself {$(
            #[tokio::test]
            async fn $promise() {
                let (cloud, store) = $fresh();
                object_store::integration::$promise(&store $(, $more)*).await;
                assert_eq!(cloud.surprises(), Vec::<String>::new());
            }
        )+}
    };
}
