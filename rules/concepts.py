"""Words of several languages that mean one thing: the bridge between languages.

Data only; ``rules.features`` reads it. One line is one concept. Entries are separated
by spaces: ``kass*`` also stands for words that begin so, ``two_times`` for a phrase of
two words. Letters are folded before comparing (ä and æ are a, ö and ø are o, doubled
letters are one), so every spelling is written once.
"""

from __future__ import annotations

CONCEPTS = {
    # things a shop or a service deals with
    "parcel": "parcel* package* packet shipment* pakke* paket* sendung* toimitus "
    "lähety* postipak* forsendelse* försändelse*",
    "parcel locker": "locker* pakkebok* pakkeauto* paketbox* paketskåp* paketstation* "
    "packstation* pakettiautom* automaat* hentepunkt* parcel_box pickup_point "
    "pickup_box utlämningsställe* hentested* noutopist* abholstation*",
    "delivery": "deliver* lever* leveran* toimit* liefer* zustell* zugestellt*",
    "carrier": "courier* carrier* transportør* fragtmand* fragtfirma* kuljetus* "
    "versanddienst* speditør* budfirma* kurier*",
    "depot": "depot* terminal* warehouse* lager* varasto*",
    "tracking": "track* spor* spår* seuranta* sendungsverfolgung*",
    "order": "order* ordre* bestill* beställ* bestell* tilau* tilaa* bestilling*",
    "invoice": "invoice* faktura* lasku laskun laskua rechnung*",
    "receipt": "receipt* kvittering* kvitto* kuit* quittung*",
    "refund": "refund* refusjon* refusion* återbetal* tilbakebetal* tilbagebetal* "
    "hyvity* erstatt* rückerstatt* money_back paid_back zurücküberw* pengene_tilbake "
    "pengar_tillbaka penge_tilbage rahat_takaisin geld_zurück",
    "return": "return* retur* palaut* retour* rücksend* rückgabe* send_back angre*",
    "exchange": "exchange_it swap* bytte* byta* vaihto* umtausch*",
    "checkout": "checkout* kasse kassen kassa kassan kassalla kassal* kassassa "
    "betalingssteg* betalningen zahlungsseite* maksuvaih* payment_page payment_step "
    "till_payment",
    "basket": "basket* cart carts handlekurv* varukorg* kurv kurven indkøbskurv* "
    "ostoskor* warenkorb*",
    "discount code": "coupon* voucher* promo* discount_code promo_code campaign_code "
    "rabattkod* rabatkod* kampanjekod* kampanjkod* kampagnekod* alekoodi* "
    "alennuskood* kampanjakood* gutschein* rabattcode* aktionscode* kupong* kupon*",
    "discount": "discount* rabat* alennu* money_off tilbud* erbjudand* tarjous* "
    "sonderangebot* nachlass*",
    "gift card": "gift_card giftcard* gavekort* presentkort* lahjakort* geschenkkart*",
    "price": "price* pris* hinta* hinna* preis*",
    "fee": "fee fees gebyr* avgift* maksu* gebühr* surcharge* commission*",
    "payment": "pay paying payment* betal* bezahl* zahl* maks* maksa*",
    "charge": "charge* charging trukk* trekk* drag* abbuch* abgebuch* belast* veloit* "
    "debited deducted",
    "twice": "twice double* duplicat* two_times more_than_once to_ganger två_gånger "
    "to_gange dobbelt dubbelt doppelt zweimal kahdesti kaksi_kertaa tuplana "
    "same_charge same_charges second_time",
    "money": "money funds pengene pengar penge rahat rahaa geld cash kontant*",
    "account": "account* konto* tili tilin tilini tilille kundekonto* käyttäjätili*",
    "loyalty": "loyalty member* medlem* bonus* kanta-asiak* kantaasiak* jäsen* "
    "mitglied* kundkort* kundekort* treueprogr*",
    "gift": "gift* gave* present* lahja* geschenk*",
    "warranty": "warrant* garanti* guarantee* takuu* gewährleist* reklamasjon* "
    "reklamation*",
    "size": "size* størrelse* storlek* koko* grösse*",
    "colour": "colour* color* farge* färg* farve* väri* farbe*",
    "delay": "late delay* forsink* försen* myöhä* verspät* stuck held_up overdue "
    "fastnat* jumissa",
    "wait": "wait* vente* vänt* odot* wart* pending",
    "missing": "missing mangl* sakn* puuttu* fehlt fehlen fehlend* never_arrived "
    "not_arrived nothing_received never_came aldri_kommet aldrig_kommit",
    "marked delivered": "marked_delivered shows_delivered as_delivered som_levert "
    "som_levererad som_levererat som_leveret toimitetuksi als_zugestellt "
    "zeigt_zugestellt viser_levert visar_levererat viser_leveret näyttää_toimitettu",
    "broken": "broken broke* cracked smash* shattered damag* defect* ødelagt* knust* "
    "sprukket* skad* trasig* krossad* sprucken* sprucket beskadig* i_stykker rikki "
    "haljen* murskana vioittu* kaput* zertrümm* gesprung* beschädig* pieces biter "
    "bitar stykker palasina scherben skadet*",
    "does not work": "not_work not_working stopped_working does_not doesnt_work "
    "virker_ikke fungerer_ikke fungerar_inte ei_toimi funktioniert_nicht fail* "
    "sluttet_å slutade lakkasi holdt_op malfunction* ikke_lenger",
    "battery": "batter* akku* batteri*",
    "switches off": "switches_itself switches_off slår_seg stänger_av slukker sammuu "
    "schaltet_sich shuts_down turns_off",
    "crash": "crash* krasj* krasch* kaatu* stürzt abstürz* closes_itself lukker_seg "
    "stängs sulkeutu* schliesst_sich lukker_så freez* frozen hangs",
    "white screen": "white_screen hvit_skjerm vit_skärm hvid_skærm valkoista "
    "weissen_bildschirm blank_screen blank blanke tom_side",
    "black screen": "black_screen screen_black svart_skjerm er_svart är_svart er_sort "
    "on_musta ist_schwarz screen_dark",
    "app": "app appen apps sovellu* application* applikasj* anwendung*",
    "update": "updat* upgrad* oppdater* uppdater* opdater* päivit* aktualisier*",
    "error": "error* feil feilmeld* fel felmedd* fejl fejlmedd* virhe* fehler*",
    "website": "website* web_site nettside* nettstedet webbplats* hemsida* hjemmeside* "
    "verkkosiv* webseite* homepage*",
    "login": "login* log_in logg_inn logga_in log_ind kirjaudu* kirjautu* einlogg* "
    "anmeld* sign_in innlogg* inlogg* logon",
    "password": "password* passcode* passord* lösenord* adgangskode* salasana* "
    "passwort* kennwort*",
    "pin": "pin pins pinkod* pin-kod* pinkoodi* pin_code",
    "code": "code codes kode koden koda koodi* kod",
    "offline": "offline frakobl* frånkopp* ei_yhteyttä no_connection",
    "card": "card cards kort kortet kortti* karte karten",
    "new": "activat* aktiver* aktivoi* aktivier* initiali*",
    "bank machine": "atm atms cash_machine bank_machine cashpoint* minibank* bankomat* "
    "geldautom* pankkiautom* otto-autom*",
    "withdraw": "withdraw* uttak* uttag* nosto* abheb* cash_out take_out get_cash",
    "swallowed": "swallow* ate trapped retained kept_my took_my slukt svalde slugt "
    "nielaisi eingezogen won_t_give",
    "transfer": "transfer* overfør* överför* tilisiir* überweis* wire wired send_money "
    "sent_money",
    "top up": "top_up topup top-up* topping_up add_money adding_money load_money "
    "fyll_på fylle_på aufladen guthaben_aufladen lataa_rahaa",
    "declined": "declin* reject* refus* denied deny denies avvis* avslå* nekas nekad* "
    "afvis* hylät* hylkä* abgelehnt* ablehn* not_accept not_accepted disallow* "
    "not_allowed blocked blokker* blockera*",
    "expired": "expir* utløpt* utgång* udløb* vanhentu* abgelaufen* ungültig* ugyldig* "
    "ogiltig* invalid* mitätö*",
    "cancel": "cancel* avbestill* kanseller* avbryt* annuller* avboka* peru* storn* "
    "kündig* revok* revert*",
    "close account": "terminat* deactivat* close_account delete_account "
    "slett_konto stänga_kontot sletning* delete delet* slett* radera* poista* lösch* "
    "discontinu*",
    "lost": "lost lose losing mist mistet tappa* tapp* kadon* kado* verlor* verlier* "
    "misplac*",
    "stolen": "stol* steal* theft* stjål* stul* varast* gestohl* thief",
    "phone": "phone* phones mobil* telefon* puhelin* puhelim* handy* smartphone* cell",
    "fraud": "fraud* scam* svindel* bedräg* bedrager* huijau* betrug* unauthor* "
    "not_recognise not_recognize dont_recognise dont_recognize didnt_make not_mine "
    "unrecogni* unfamiliar suspicious",
    "identity": "identi* verif* legitim* henkilölli* ausweis* proof passport*",
    "currency": "currenc* valuta* valuutta* währung* foreign_money",
    "exchange rate": "exchange_rate exchange_rates conversion_rate valutakurs* "
    "växelkurs* vaihtokurs* wechselkurs* rate rates",
    "abroad": "abroad oversea* travel* utland* utomlands udland* ulkomai* ausland* "
    "foreign* holiday* vacation*",
    "support": "customer_service kundeservice kundtjänst* kundenservice* "
    "kundendienst* asiakaspalvel* support* helpline* hotline*",
    "rude": "rude* uhøflig* frekk* oförskäm* uforskamm* töykeä* unhöflich* impolite*",
    "no answer": "no_answer no_reply no_response ikke_svar inte_svar kein_antwort "
    "keine_antwort ei_vastausta ingen_svarer ingen_svarar unanswered",
    "phone queue": "queue* kø kö køen telefonkø* telefonkö* jono* on_hold",
    "neighbour": "neighbo* nabo* grann* naapuri* nachbar*",
    "subscription": "subscri* abonnement* prenumer* tilaus_jatk* abo abos "
    "membership_fee auto-renew* renew*",
    "newsletter": "newsletter* nyhetsbrev* nyhedsbrev* uutiskirj*",
    "booking": "book booking* reserv* bestill_bord boka* varau* varaa* buch* buchung*",
    "room": "room* rom rommet rum rummet huone* zimmer*",
    "dirty": "dirty skitten* skitn* smuts* beskidt* likai* schmutz* unclean*",
    "noise": "nois* bråk* støy* buller* larm* melu* lärm*",
    "breakfast": "breakfast* frokost* morgenmad* frukost* aamiai* frühstück*",
    "internet": "wifi wi-fi wlan internet* bredbånd* bredband* nettforbind* laajakais* "
    "trådløs* trådlös*",
    "store": "store shop butikk* butik* myymälä* kauppa filiale* geschäft laden",
    "wrong item": "wrong_item feil_vare fel_vara forkert_vare väärä_tuote "
    "falsche_ware falscher_artikel wrong_product wrong_colour wrong_color wrong_size "
    "feil_størrelse fel_storlek",
    "export": "export* eksport* vienti* exportier*",
    "report": "report* rapport* rapporti* bericht*",
    "sync": "sync* synkroni* synchroni*",
    "slow": "slow* treg tregt trög* långsam* langsom* hida* langsam* sluggish* laggy",
    "search": "search* søk* sök* søg* hak* such* find finn hitta löydä*",
    "map": "map maps kart kartet karta kartan kartta* karte_",
    "download": "download* last_ned ladda_ner lataa herunterlad*",
    "print": "print* skriv_ut utskrift* tulost* druck*",
    "email": "email* e-mail* epost* e-post* mail mails sähköpost*",
    "message": "sms text_message tekstmelding* textmeddeland* sms-besked* tekstivies*",
    # words that shape many requests
    "change": "chang* endr* ändra* ændre* muut* änder* modify edit",
    "open": "open* åpn* öppn* åbn* avaa* auke* öffn*",
    "reminder": "remind* påminn* påmind* minn erinner* muistut*",
    "alarm": "alarm* wecker* herät* vekkerklokk* väckarklock*",
    "old": "age ages old_enough minimum_age years_old alder* ålder* ikä* children kids "
    "under_18 teen* minor* daughter son",
    "country": "country countries land_ länder*",
    "limit": "limit* grense* gräns* grænse* raja* maximum max",
    "today": "today i_dag idag tänään heute",
    "tomorrow": "tomorrow i_morgen imorgen imorgon i_morgon huomenna morgen",
}
